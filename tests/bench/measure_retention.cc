// Starts while finished tasks are removed.
#include <array>
#include <chrono>
#include <string>

#include "tests/bench/contest.h"
#include "tests/bench/measurements.h"

namespace longhaul::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::array<std::size_t, 2> connection_counts = {1, 64};
// A quantile of the slowest hundredth needs more turns than a rate does.
constexpr int rounds_for_one = 4;
using Contest = std::array<Turns, connection_counts.size()>;

const std::string start_request = post_request(
    "/start-task",
    R"({"type": "echo", "payload": {"report": "monthly", "customer": 17}, "delay_seconds": 3600})");

// With room for more starts than a server takes as it comes.
std::vector<std::string> arguments_that_keep(const std::string& for_seconds) {
  return {"--max-open-tasks", "100000000", "--retention-succeeded-seconds", for_seconds};
}

// In the queue that runs most at once: the slower the disk, the more each commit has to hold.
constexpr const char* finished_task =
    R"({"type": "echo", "queue": "threads", "payload": {"report": "monthly", "customer": 17}})";

base::Result<void> take_turns(const Plan& plan, const Server& server, Contest& contest) {
  for (std::size_t i = 0; i < connection_counts.size(); ++i) {
    LoadOptions load;
    load.connections = connection_counts[i];
    load.requests = {start_request};
    load.expected_status = 202;
    if (auto done = take_turn(plan, server.subject(), load, contest[i]); !done) return done;
  }
  return {};
}

double milliseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

void add_figures(const Contest& with, const Contest& without, Report& report) {
  for (std::size_t i = 0; i < connection_counts.size(); ++i) {
    const std::string count = std::to_string(connection_counts[i]);
    const auto p99 = [](const Turns& turns) { return milliseconds(turns.load.latency.quantile(0.99)); };
    report.figures.push_back({"p99 of synced starts while tasks are removed, " + count +
                                  (connection_counts[i] == 1 ? " connection" : " connections"),
                              p99(with[i]),
                              "ms",
                              {},
                              {},
                              {{"without", p99(without[i]), "at most 2"}}});
    report.figures.push_back(with[i].figure("the starts meanwhile, " + count));
    report.figures.back().limits = {{"without", without[i].per_second(), ""}};
  }
}

}  // namespace

// The server takes turns too: it is started with each setting anew, on the same database.
base::Result<void> measure_retention(const Plan& plan, Server& server, Report& report) {
  if (auto restarted = server.restart(arguments_that_keep("0")); !restarted) return restarted;
  if (auto filled = run_tasks(server, finished_task, plan.removed_tasks()); !filled) return filled;
  Contest with;
  Contest without;
  double seconds = 0;
  std::int64_t removed = 0;
  for (int round = 0; round < rounds_for_one * plan.rounds(); ++round) {
    if (auto done = server.restart(arguments_that_keep("0")); !done) return done;
    if (auto done = take_turns(plan, server, without); !done) return done;
    const auto before = server.count_tasks("succeeded");
    if (!before) return base::fail(before.error().message);

    const auto begin = Clock::now();
    if (auto done = server.restart(arguments_that_keep("0.001")); !done) return done;
    if (auto done = take_turns(plan, server, with); !done) return done;
    const auto after = server.count_tasks("succeeded");
    if (!after) return base::fail(after.error().message);
    if (*after == 0) return base::fail("all finished tasks were removed before the end of the measurement");
    removed += *before - *after;
    seconds += std::chrono::duration<double>(Clock::now() - begin).count();
  }
  add_figures(with, without, report);
  report.figures.push_back(
      {"finished tasks removed meanwhile", static_cast<double>(removed) / seconds, "/s", {}, {}, {}});
  return {};
}

}  // namespace longhaul::bench
