// Commands that are told to stop, and everything that they may do about it.
#include "tests/worker/borrowed_type.h"
#include "tests/worker/process_fixture.h"

#include <algorithm>

namespace longhaul::worker::process_tests {
namespace {

// What the architecture allows beyond the grace; a sanitizer makes every step slow.
constexpr std::chrono::milliseconds allowance{sanitized ? 5'000 : 1'000};

TaskType escaping(const std::string& leader, const std::string& environment = "keep-environment") {
  return command_type({python, programs + "escape.py", "leader", leader, environment});
}

}  // namespace

TEST_CASE("process: who ends at SIGTERM has his grace") {
  CommandFixture commands;
  TaskType type =
      shell_type("trap 'echo cleaned up >&2; exit 7' TERM; echo ready >&2; while :; do sleep 0.01; done");
  type.grace = base::Milliseconds(60'000);
  const auto token = commands.begin(type);
  commands.sink.wait(token, "readiness", [](const auto& seen) { return !seen.lines.empty(); });
  commands.executor->stop_attempt(token);
  commands.executor->stop_attempt(token);
  const auto seen = commands.sink.wait_end(token);
  CHECK(seen.reports.at(0).exit_code == 7);
  CHECK(seen.lines.back().text == "cleaned up");
}

TEST_CASE("process: who ignores SIGTERM is killed when his grace is over, and not before") {
  CommandFixture commands;
  TaskType type = shell_type("trap '' TERM; echo ready >&2; sleep 1000 & wait; wait; sleep 1000");
  type.grace = base::Milliseconds(400);
  const auto token = commands.begin(type);
  commands.sink.wait(token, "readiness", [](const auto& seen) { return !seen.lines.empty(); });
  const auto start = Clock::now();
  commands.executor->stop_attempt(token);
  const auto seen = commands.sink.wait_end(token);
  const auto taken = Clock::now() - start;
  CHECK(taken >= type.grace);
  CHECK(taken < type.grace + allowance);
  CHECK(seen.reports.at(0).signal == SIGKILL);
  CHECK(seen.reports.at(0).error->message.find("grace") != std::string::npos);
  CHECK_FALSE(seen.reports.at(0).lost);
}

TEST_CASE("process: a stopped process is continued to be ended") {
  CommandFixture commands;
  TaskType type = shell_type("trap 'exit 9' TERM; echo ready >&2; while :; do sleep 0.01; done");
  type.grace = base::Milliseconds(60'000);
  const auto token = commands.begin(type);
  commands.sink.wait(token, "readiness", [](const auto& seen) { return !seen.lines.empty(); });
  const pid_t leader = commands.wait_leader(token);
  kill(-leader, SIGSTOP);
  commands.executor->stop_attempt(token);
  CHECK(commands.sink.wait_end(token).reports.at(0).exit_code == 9);
}

TEST_CASE("process: two trees that escaped in every way, and each stop takes only its own") {
  for (const std::string environment : {"keep-environment", "clear-environment"}) {
    CAPTURE(environment);
    CommandFixture commands;
    const auto one = commands.begin(escaping("stays", environment));
    const auto other = commands.begin(escaping("stays", environment));
    struct Tree {
      pid_t leader;
      pid_t escaped;
    };
    const auto tree_of = [&](api::AttemptToken token) {
      return Tree{commands.wait_number(token, "leader"), commands.wait_number(token, "escaped")};
    };
    const Tree first = tree_of(one);
    const Tree second = tree_of(other);

    const auto start = Clock::now();
    commands.executor->stop_attempt(one);
    commands.sink.wait_end(one);
    CHECK(Clock::now() - start < base::Milliseconds(300) + allowance);
    CHECK_FALSE(exists(first.leader));
    CHECK_FALSE(exists(first.escaped));
    CHECK(exists(second.leader));
    CHECK(exists(second.escaped));
    CHECK(commands.sink.now(other).reports.empty());

    commands.executor->stop_attempt(other);
    commands.sink.wait_end(other);
    CHECK_FALSE(exists(second.leader));
    CHECK_FALSE(exists(second.escaped));
  }
}

TEST_CASE("process: an attempt ends with its leader, whoever still holds its pipes, and nobody lives on") {
  CommandFixture commands;
  const auto seen = commands.run(escaping("leaves"));
  CHECK(seen.reports.at(0).succeeded);
  CHECK_FALSE(exists(number_behind(seen.lines, "escaped")));
}

TEST_CASE("process: who forks and exits without end is caught") {
  CommandFixture commands;
  const std::string forker = LONGHAUL_TEST_PROGRAMS "/longhaul_test_forker";
  CHECK(commands.run(command_type({forker, "chain"})).reports.at(0).succeeded);
  CHECK(commands.run(command_type({forker, "tree", "8"})).reports.at(0).succeeded);
  const auto many = {commands.begin(command_type({forker, "chain"})),
                     commands.begin(command_type({forker, "chain"})),
                     commands.begin(command_type({forker, "tree", "6"}))};
  for (const auto token : many) CHECK(commands.sink.wait_end(token).reports.at(0).succeeded);
}

TEST_CASE("process: what a long-running program leaves behind is buried on the way") {
  CommandFixture commands;
  const auto token = commands.begin(shell_type(
      "i=0; while [ $i -lt 50 ]; do i=$((i+1)); (true &); done; echo ready >&2; read x; exec sleep 1000"));
  commands.sink.wait(token, "readiness", [](const auto& seen) { return !seen.lines.empty(); });
  const pid_t shim = parent_of(commands.wait_leader(token));
  const auto limit = Clock::now() + patience;
  while (children_of(shim).size() > 1 && Clock::now() < limit) {
  }
  CHECK(children_of(shim).size() == 1);
  commands.executor->stop_attempt(token);
  commands.sink.wait_end(token);
}

TEST_CASE("process: a stop before the start means no start") {
  RecordingSink sink;
  const base::SystemClock clock;
  CommandExecutorOptions options;
  options.spawner_program = command_host;
  options.max_processes = 1;
  options.sink = &sink;
  options.clock = &clock;
  const auto executor = make_command_executor(options);
  REQUIRE(executor->start().ok());
  const TaskType type = command_type({"sleep", "1000"});
  for (int i = 1; i <= 2; ++i) {
    AttemptOrder order;
    order.token = api::AttemptToken(i);
    order.type = tests::borrowed(type);
    executor->begin(std::move(order));
  }
  executor->stop_attempt(api::AttemptToken(2));
  const auto never = sink.wait_end(api::AttemptToken(2));
  CHECK_FALSE(never.process);
  CHECK(never.reports.at(0).error->message == "stopped before it was started");
  executor->stop_attempt(api::AttemptToken(1));
  executor->stop_attempt(api::AttemptToken(12345));
  sink.wait_end(api::AttemptToken(1));
  executor->stop();
}

TEST_CASE("process: stops at any moment of a short command's life") {
  CommandFixture commands;
  std::vector<api::AttemptToken> tokens;
  for (int i = 0; i < 300; ++i) {
    tokens.push_back(commands.begin(shell_type(i % 2 == 0 ? "exit 0" : "exec sleep 1000")));
    if (i % 3 == 0)
      commands.sink.wait(tokens.back(), "the start",
                         [](const auto& s) { return s.process || !s.reports.empty(); });
    commands.executor->stop_attempt(tokens.back());
  }
  for (const auto token : tokens) {
    const auto seen = commands.sink.wait_end(token);
    REQUIRE(seen.reports.size() == 1);
    if (seen.process) CHECK_FALSE(exists(seen.process->pid));
  }
}

TEST_CASE("process: the executor's stop ends what runs and what waits, and reports it as lost") {
  auto commands = std::make_unique<CommandFixture>();
  const auto stubborn = commands->begin(escaping("stays", "clear-environment"));
  const pid_t escaped = commands->wait_number(stubborn, "escaped");
  const pid_t spawner = commands->spawner();
  const auto meek = commands->begin(command_type({"sleep", "1000"}));
  commands->executor->stop();
  for (const auto token : {stubborn, meek}) {
    const auto seen = commands->sink.now(token);
    REQUIRE(seen.reports.size() == 1);
    CHECK(seen.reports.front().lost);
    CHECK(seen.reports.front().error->code == "WORKER_LOST");
  }
  CHECK_FALSE(exists(escaped));
  CHECK_FALSE(exists(spawner));
  const auto late = commands->begin(command_type({"true"}));
  CHECK(commands->sink.wait_end(late).reports.at(0).lost);
}

}  // namespace longhaul::worker::process_tests
