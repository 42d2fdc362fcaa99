// Tasks from their start to their final state.
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "tests/bench/contest.h"
#include "tests/bench/measurements.h"

namespace longhaul::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t starting_connections = 64;

struct Rate {
  std::uint64_t count = 0;
  double seconds = 0;
  double cpu_seconds = 0;  // of all processes that had to do with it, but for who asked for it
  [[nodiscard]] double per_second() const { return seconds > 0 ? static_cast<double>(count) / seconds : 0; }
  [[nodiscard]] double cpu_us_each() const {
    return count > 0 ? cpu_seconds * 1e6 / static_cast<double>(count) : 0;
  }
};

// Runs that many tasks.
base::Result<void> take_round(const Server& server, const std::string& body, std::uint64_t count,
                              Rate& rate) {
  const auto cpu_before = read_tree_cpu_seconds(server.subject().pid);
  const auto begin = Clock::now();
  if (auto done = run_tasks(server, body, count); !done) return done;
  rate.seconds += std::chrono::duration<double>(Clock::now() - begin).count();
  rate.count += count;
  const auto cpu_after = read_tree_cpu_seconds(server.subject().pid);
  if (!cpu_before || !cpu_after) return base::fail("the server has gone");
  rate.cpu_seconds += cpu_after.value() - cpu_before.value();
  return {};
}

// Spawns /bin/true and waits for it, over and over; returns how often.
std::uint64_t spawn_until(Clock::time_point end) {
  std::string program = "/bin/true";
  char* const arguments[] = {program.data(), nullptr};
  char* const no_environment[] = {nullptr};
  std::uint64_t count = 0;
  for (; Clock::now() < end; ++count) {
    pid_t pid = -1;
    if (::posix_spawn(&pid, arguments[0], nullptr, nullptr, arguments, no_environment) != 0) return 0;
    int status = 0;
    if (::waitpid(pid, &status, 0) != pid || status != 0) return 0;
  }
  return count;
}

double own_cpu_seconds() {
  double sum = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage use{};
    ::getrusage(who, &use);
    sum += static_cast<double>(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           static_cast<double>(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1e-6;
  }
  return sum;
}

void spawn_for(std::chrono::nanoseconds duration, int threads, Rate& rate) {
  const double cpu_before = own_cpu_seconds();
  const auto begin = Clock::now();
  std::uint64_t of_the_other = 0;
  {
    std::jthread other;
    if (threads == 2) other = std::jthread([&] { of_the_other = spawn_until(begin + duration); });
    rate.count += spawn_until(begin + duration);
  }
  rate.cpu_seconds += own_cpu_seconds() - cpu_before;
  rate.count += of_the_other;
  rate.seconds += std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

base::Result<void> measure_echo_tasks(const Plan& plan, Server& server, Report& report) {
  LoadOptions starts;
  starts.connections = starting_connections;
  starts.requests = {
      post_request("/start-task", R"({"type": "echo", "payload": 17, "delay_seconds": 3600})")};
  starts.expected_status = 202;
  Rate tasks;
  Turns started;
  for (int round = 0; round < plan.rounds(); ++round) {
    auto done = take_round(server, R"({"type": "echo", "payload": 17, "queue": "threads"})",
                           plan.echo_tasks(), tasks);
    if (done) done = take_turn(plan, server.subject(), starts, started);
    if (!done) return done;
  }
  report.figures.push_back({"echo tasks, start to final state",
                            tasks.per_second(),
                            "/s",
                            {},
                            {},
                            {{"synced starts, 64 connections", started.per_second(), ""}}});
  report.figures.push_back({"CPU time of an echo task",
                            tasks.cpu_us_each(),
                            "us",
                            {},
                            {},
                            {{"CPU time of a synced start", started.cpu_us_per_request(), ""}}});
  return {};
}

base::Result<void> measure_commands(const Plan& plan, Server& server, Report& report) {
  Rate commands;
  Rate alone;
  Rate in_two_threads;
  for (int round = 0; round < plan.rounds(); ++round) {
    auto done = take_round(server, R"({"type": "true", "queue": "commands"})", plan.commands(), commands);
    if (!done) return done;
    spawn_for(plan.slice(), 1, alone);
    spawn_for(plan.slice(), 2, in_two_threads);
  }
  report.figures.push_back({"commands, start to final state",
                            commands.per_second(),
                            "/s",
                            {},
                            {},
                            {{"posix_spawn + waitpid", alone.per_second(), "about 0.6"},
                             {"the same in two threads", in_two_threads.per_second(), ""}}});
  report.figures.push_back({"CPU time of a command, its program included",
                            commands.cpu_us_each(),
                            "us",
                            {},
                            {},
                            {{"CPU time of posix_spawn + waitpid", alone.cpu_us_each(), ""}}});
  return {};
}

}  // namespace longhaul::bench
