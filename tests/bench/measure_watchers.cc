// Clients that wait to be told of a task, ten thousand of them, and what they cost those who work.
#include <sys/socket.h>

#include <chrono>
#include <memory>

#include "tests/bench/client_socket.h"
#include "tests/bench/latency_histogram.h"
#include "tests/bench/load_generator.h"
#include "tests/bench/measurements.h"
#include "tests/bench/waiting_clients.h"

namespace longhaul::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* task_of_tomorrow = R"({"type": "echo", "delay_seconds": 86400})";

struct Latencies {
  LatencyHistogram start;
  LatencyHistogram poll;
};

double milliseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

// A connection, a request, its answer; one after the other for a slice.
base::Result<void> ask_afresh(const Plan& plan, std::uint16_t port, const std::string& request,
                              LatencyHistogram& latency) {
  constexpr int sources = 16;
  const auto end = Clock::now() + plan.slice();
  for (int i = 0;; ++i) {
    const auto begin = Clock::now();
    if (begin >= end) return {};
    auto fd = connect_to(port, 2 + i % sources);
    if (!fd) return base::fail(fd.error().message);
    if (auto answer = exchange(fd->get(), request); !answer) return base::fail(answer.error().message);
    latency.add(Clock::now() - begin);
  }
}

base::Result<void> measure_latencies(const Plan& plan, std::uint16_t port, const std::string& other_id,
                                     Latencies& latencies) {
  const std::string poll = get_request("/task-status/" + other_id);
  const std::string start = post_request("/start-task", task_of_tomorrow);
  for (int round = 0; round < plan.rounds(); ++round) {
    if (auto done = ask_afresh(plan, port, poll, latencies.poll); !done) return done;
    if (auto done = ask_afresh(plan, port, start, latencies.start); !done) return done;
  }
  return {};
}

// Cancels the task; how long it took, from the sending of that, until the last client knew.
base::Result<std::chrono::nanoseconds> tell_all(std::uint16_t port, const std::string& id,
                                                WaitingClients& clients) {
  const std::string request = "DELETE /tasks/" + id + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
  auto control = connect_to(port);
  if (!control) return base::fail(control.error().message);
  const auto begin = Clock::now();
  if (::send(control->get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size()))
    return base::fail("cannot cancel the task");
  const auto last = clients.wait_until_all_told("\"cancelled\"");
  if (!last) return base::fail(last.error().message);
  return last.value() - begin;
}

Figure latency_figure(const char* name, const LatencyHistogram& among_them, const LatencyHistogram& alone) {
  const auto p99 = among_them.quantile(0.99);
  return {name, milliseconds(p99),
          "ms", among_them.quantile(0.5),
          p99,  {{"p99 without them", milliseconds(alone.quantile(0.99)), ""}, {"promise", 10, "at most 1"}}};
}

}  // namespace

base::Result<void> measure_watchers(const Plan& plan, Server& server, Report& report) {
  const std::uint16_t port = server.subject().port;
  const auto other_id = server.run_task(R"({"type": "echo", "payload": 17})");
  if (!other_id) return base::fail(other_id.error().message);
  const auto started = ask(port, post_request("/start-task", task_of_tomorrow), 202);
  if (!started) return base::fail(started.error().message);
  const std::string id = task_id_of(started.value());

  // First of all, for what earlier work has left in the heap would be taken again.
  const auto before = server.subject().figures();
  if (!before) return base::fail(before.error().message);
  auto clients = std::make_unique<WaitingClients>(port, plan.watchers(), id);
  if (auto done = clients->start(); !done) return done;
  const auto after = server.subject().figures();
  if (!after) return base::fail(after.error().message);
  Latencies among_them;
  if (auto done = measure_latencies(plan, port, other_id.value(), among_them); !done) return done;
  const auto told = tell_all(port, id, *clients);
  if (!told) return base::fail(told.error().message);
  clients.reset();
  Latencies alone;
  if (auto done = measure_latencies(plan, port, other_id.value(), alone); !done) return done;

  const double growth = static_cast<double>(after.value().resident_bytes - before.value().resident_bytes) /
                        static_cast<double>(plan.watchers());
  report.figures.push_back(
      {"memory of a waiting client, of 10,000", growth, "bytes", {}, {}, {{"promise", 8192, "at most 1"}}});
  report.figures.push_back({"threads more for 10,000 waiting clients",
                            static_cast<double>(after.value().threads - before.value().threads),
                            "",
                            {},
                            {},
                            {{"promise", 0, "none"}}});
  report.figures.push_back(latency_figure("p99 of a fresh start among them", among_them.start, alone.start));
  report.figures.push_back(latency_figure("p99 of a fresh poll among them", among_them.poll, alone.poll));
  report.figures.push_back({"until the last of them is told",
                            milliseconds(told.value()),
                            "ms",
                            {},
                            {},
                            {{"promise", 1000, "at most 1"}}});
  return {};
}

}  // namespace longhaul::bench
