// Clients that want little: idle ones, slow ones, none at all.
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <vector>

#include "tests/bench/client_socket.h"
#include "tests/bench/latency_histogram.h"
#include "tests/bench/load_generator.h"
#include "tests/bench/measurements.h"
#include "tests/bench/slow_clients.h"

namespace longhaul::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t connections_per_address = 2'000;
constexpr double mebibyte = 1024 * 1024;

struct Growth {
  double bytes_per_connection = 0;
  std::int64_t threads = 0;
};

// What that many connections add to a process once each has been answered and is silent.
base::Result<Growth> idle_growth(const Subject& subject, const std::string& request, std::size_t count) {
  const auto before = subject.figures();
  if (!before) return base::fail(before.error().message);
  std::vector<base::UniqueFd> connections;
  connections.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    auto fd = connect_to(subject.port, 2 + static_cast<int>(i / connections_per_address));
    if (!fd) return base::fail(fd.error().message);
    if (auto answer = exchange(fd->get(), request); !answer) return base::fail(answer.error().message);
    connections.push_back(std::move(*fd));
  }
  const auto after = subject.figures();
  if (!after) return base::fail(after.error().message);
  return Growth{static_cast<double>(after.value().resident_bytes - before.value().resident_bytes) /
                    static_cast<double>(count),
                after.value().threads - before.value().threads};
}

// A connection, a request, its answer; one after the other, from a few source addresses in turn.
base::Result<void> poll_afresh(const Plan& plan, const Server& server, const std::string& request,
                               LatencyHistogram& latency) {
  constexpr int sources = 16;
  const auto end = Clock::now() + plan.slice();
  for (int i = 0;; ++i) {
    const auto begin = Clock::now();
    if (begin >= end) return {};
    auto fd = connect_to(server.subject().port, 2 + i % sources);
    if (!fd) return base::fail(fd.error().message);
    if (auto answer = exchange(fd->get(), request); !answer) return base::fail(answer.error().message);
    latency.add(Clock::now() - begin);
  }
}

// The time over which something is counted.
void pass(std::chrono::milliseconds time) { (void)::poll(nullptr, 0, static_cast<int>(time.count())); }

// The figures of a server once what earlier work has caused (a checkpoint, threads that end) is over: a
// second without a switch.
base::Result<ProcessFigures> when_quiet(const Server& server) {
  auto figures = server.subject().figures();
  for (const auto end = Clock::now() + std::chrono::minutes(1); figures && Clock::now() < end;) {
    const auto previous = figures.value().context_switches;
    pass(std::chrono::seconds(1));
    figures = server.subject().figures();
    if (figures && figures.value().context_switches == previous) break;
  }
  return figures;
}

double milliseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

}  // namespace

base::Result<void> measure_idle_connections(const Plan& plan, Server& server, Report& report) {
  const std::string request = get_request("/livez");
  auto connection = connect_to(server.subject().port);
  if (!connection) return base::fail(connection.error().message);
  const auto answer = exchange(connection->get(), request);
  if (!answer) return base::fail(answer.error().message);
  const auto bare = BareServer::start(plan.own_program, answer.value());
  if (!bare) return base::fail(bare.error().message);
  const auto ours = idle_growth(server.subject(), request, plan.idle_connections());
  if (!ours) return base::fail(ours.error().message);
  const auto least = idle_growth(bare.value().subject(), request, plan.idle_connections());
  if (!least) return base::fail("the bare loop: " + least.error().message);
  report.figures.push_back({"memory of an idle connection, of 10,000",
                            ours.value().bytes_per_connection,
                            "bytes",
                            {},
                            {},
                            {{"bare loop", least.value().bytes_per_connection, "at most 6 KiB"}}});
  report.figures.push_back({"threads more for them",
                            static_cast<double>(ours.value().threads),
                            "",
                            {},
                            {},
                            {{"bare loop", static_cast<double>(least.value().threads), "none"}}});
  return {};
}

base::Result<void> measure_slow_clients(const Plan& plan, Server& server, Report& report) {
  const auto id = server.run_task(R"({"type": "echo", "payload": 17})");
  if (!id) return base::fail(id.error().message);
  const std::string request = get_request("/task-status/" + id.value());
  LatencyHistogram alone;
  LatencyHistogram among_them;
  for (int round = 0; round < plan.rounds(); ++round) {
    auto done = poll_afresh(plan, server, request, alone);
    if (!done) return done;
    SlowClients slow(server.subject().port, plan.slow_clients());
    done = slow.start();
    if (done) done = poll_afresh(plan, server, request, among_them);
    if (done) done = slow.check();
    if (!done) return done;
  }
  const auto p99 = among_them.quantile(0.99);
  report.figures.push_back({"p99 of a fresh poll, 2,000 slow clients",
                            milliseconds(p99),
                            "ms",
                            among_them.quantile(0.5),
                            p99,
                            {{"p99 without them", milliseconds(alone.quantile(0.99)), "at most 2"}}});
  return {};
}

base::Result<void> measure_idle_server(const Plan& plan, const Server& server, Report& report) {
  const auto before = when_quiet(server);
  if (!before) return base::fail(before.error().message);
  pass(plan.idle_time());
  const auto after = server.subject().figures();
  if (!after) return base::fail(after.error().message);
  const double in_ten_seconds = 10.0 / static_cast<double>(plan.idle_time().count());
  const auto switches = static_cast<double>(after.value().context_switches - before.value().context_switches);
  const double cpu_ms = (after.value().cpu_seconds - before.value().cpu_seconds) * 1000;
  report.figures.push_back({"idle server: context switches in 10 s",
                            switches * in_ten_seconds,
                            "",
                            {},
                            {},
                            {{"promise", 20, "at most 1"}}});
  report.figures.push_back({"idle server: CPU time in 10 s", cpu_ms * in_ten_seconds, "ms"});
  report.figures.push_back({"idle server: memory",
                            static_cast<double>(after.value().resident_bytes) / mebibyte,
                            "MiB",
                            {},
                            {},
                            {{"promise", 25, "at most 1"}}});
  report.figures.push_back({"idle server: threads", static_cast<double>(after.value().threads), ""});
  return {};
}

}  // namespace longhaul::bench
