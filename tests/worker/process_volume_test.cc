// Much of everything: nothing may grow with it.
#include "tests/worker/process_fixture.h"

namespace longhaul::worker::process_tests {
namespace {

constexpr long allowed_growth_kib = 24 * 1024;

}  // namespace

TEST_CASE("process: a gigabyte on both pipes neither hangs nor grows") {
  CommandFixture commands;
  REQUIRE(commands.run(command_type({"true"})).reports.at(0).succeeded);
  const long before = memory_kib(getpid(), "VmRSS");
  const std::string size = sanitized ? "100M" : "1G";
  // Lines on stderr, one endless line on stdout, both at once.
  TaskType type = shell_type("yes a line of a log that is far too long | head -c " + size +
                             " >&2 & head -c " + size + " /dev/zero; wait");
  const auto seen = commands.run(type);
  REQUIRE(seen.reports.size() == 1);
  REQUIRE(seen.reports.front().error);
  CHECK(seen.reports.front().error->code == "RESULT_TOO_LARGE");
  REQUIRE_FALSE(seen.lines.empty());
  std::size_t bytes = 0;
  for (const api::LogLine& line : seen.lines) bytes += line.text.size();
  CHECK(bytes <= type.max_log_bytes + 200);
  // The high-water mark: it must not have been higher in between either.
  if (!sanitized) CHECK(memory_kib(getpid(), "VmHWM") - before < allowed_growth_kib);
}

TEST_CASE("process: 5,000 short commands leave descriptors, processes and memory as they were") {
  constexpr int commands_in_all = sanitized ? 1'000 : 5'000;
  constexpr int at_once = 16;
  CommandFixture commands;
  std::vector<api::AttemptToken> running;
  const auto run_some = [&](int count) {
    for (int i = 0; i < count; ++i) {
      running.push_back(commands.begin(shell_type("read x; echo $x; echo log >&2; (sleep 0.001 &)"), "12"));
      if (running.size() < at_once) continue;
      for (const auto token : running) {
        const auto seen = commands.sink.wait_end(token);
        REQUIRE(seen.reports.size() == 1);
        CHECK(seen.reports.front().result == api::RawJson{"12"});
      }
      running.clear();
      commands.sink.forget();
    }
  };
  run_some(20 * at_once);
  const pid_t spawner = commands.spawner();
  const std::size_t own_descriptors = open_descriptors(getpid());
  const std::size_t spawner_descriptors = open_descriptors(spawner);
  const long own_memory = memory_kib(getpid(), "VmRSS");
  const long spawner_memory = memory_kib(spawner, "VmRSS");
  run_some(commands_in_all / at_once * at_once);
  CHECK(commands.spawner() == spawner);
  // A shim has said its last word a moment before it is gone.
  const auto limit = Clock::now() + patience;
  while (!children_of(spawner).empty() && Clock::now() < limit) {
  }
  CHECK(children_of(spawner).empty());
  CHECK(open_descriptors(getpid()) == own_descriptors);
  CHECK(open_descriptors(spawner) == spawner_descriptors);
  if (!sanitized) CHECK(memory_kib(getpid(), "VmRSS") - own_memory < 8 * 1024);
  if (!sanitized) CHECK(memory_kib(spawner, "VmRSS") - spawner_memory < 512);
}

TEST_CASE("process: shims are small") {
  CommandFixture commands;
  const auto token = commands.begin(command_type({"sleep", "1000"}));
  const pid_t shim = parent_of(commands.wait_leader(token));
  std::ifstream rollup("/proc/" + std::to_string(shim) + "/smaps_rollup");
  long own_kib = 0;
  for (std::string line; std::getline(rollup, line);)
    if (line.starts_with("Private_Dirty:")) own_kib = std::stol(line.substr(14));
  MESSAGE("a shim has ", own_kib, " KiB of its own");
  // 0, 1, 2, signals, lifeline; ., .. and the reader's own. The program's it closes once it has told of it.
  const auto limit = Clock::now() + patience;
  while (open_descriptors(shim) > 8 && Clock::now() < limit) std::this_thread::yield();
  CHECK(open_descriptors(shim) <= 8);
  if (!sanitized) CHECK(own_kib < 512);
  commands.executor->stop_attempt(token);
  commands.sink.wait_end(token);
}

}  // namespace longhaul::worker::process_tests
