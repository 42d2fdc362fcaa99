// kill -9 for everybody who watches over a program: the shim, the spawner, both, the server, all three.
#include "tests/worker/process_fixture.h"

#include <algorithm>

namespace longhaul::worker::process_tests {
namespace {

constexpr std::chrono::seconds death_limit{5};  // what the product promises

std::vector<std::string> escaping(const std::string& environment = "clear-environment") {
  return {python, programs + "escape.py", "leader", "stays", environment};
}

struct Tree {
  pid_t shim = -1;
  pid_t leader = -1;
  pid_t escaped = -1;
};
Tree wait_tree(CommandFixture& commands, api::AttemptToken token) {
  const pid_t leader = commands.wait_number(token, "leader");
  return {parent_of(leader), leader, commands.wait_number(token, "escaped")};
}

void check_lost(const RecordingSink::Seen& seen) {
  REQUIRE(seen.reports.size() == 1);
  CHECK(seen.reports.front().lost);
  CHECK(seen.reports.front().retryable);
  CHECK_FALSE(seen.reports.front().succeeded);
  REQUIRE(seen.reports.front().error);
  CHECK(seen.reports.front().error->code == "WORKER_LOST");
}

// A server of its own, with attempts 1 to `count` of escaping programs.
class Host {
 public:
  Host(bool subreaper, int count, const std::string& environment)
      : child_(command_line(subreaper, count, environment), own_environment()) {
    for (int i = 1; i <= count; ++i) {
      // The lines of different attempts come in any order.
      while (trees_[i].escaped < 0 || trees_[i].leader < 0) take(child_.wait_line("log "));
    }
    for (auto& [token, tree] : trees_) tree.shim = parent_of(tree.leader);
  }

  [[nodiscard]] pid_t pid() const { return child_.pid(); }
  [[nodiscard]] pid_t spawner() const { return children_of(pid()).at(0); }
  [[nodiscard]] const Tree& tree(int token) const { return trees_.at(token); }
  [[nodiscard]] const std::map<int, Tree>& trees() const { return trees_; }
  Child& child() { return child_; }

 private:
  static std::vector<std::string> command_line(bool subreaper, int count, const std::string& environment) {
    std::vector<std::string> line{command_host, "host"};
    if (subreaper) line.emplace_back("--subreaper");
    line.emplace_back("300");
    for (int i = 0; i < count; ++i) {
      if (i > 0) line.emplace_back("--");
      for (const std::string& word : escaping(environment)) line.push_back(word);
    }
    return line;
  }
  void take(const std::string& line) {
    std::istringstream words(line);
    int token = 0;
    std::string label;
    pid_t pid = -1;
    words >> token >> label >> pid;
    if (label == "escaped") trees_[token].escaped = pid;
    if (label == "leader") trees_[token].leader = pid;
  }

  Child child_;
  std::map<int, Tree> trees_;
};

}  // namespace

TEST_CASE("process: a shim is killed: its tree dies, the other tree lives, and the attempt is lost") {
  CommandFixture commands;
  const auto one = commands.begin(command_type(escaping()));
  const auto other = commands.begin(command_type(escaping()));
  const Tree dying = wait_tree(commands, one);
  const Tree living = wait_tree(commands, other);
  kill(dying.shim, SIGKILL);
  check_lost(commands.sink.wait_end(one));
  // Reported only now that it is true.
  CHECK_FALSE(exists(dying.leader));
  CHECK_FALSE(exists(dying.escaped));
  CHECK(exists(living.leader));
  CHECK(exists(living.escaped));
  CHECK(parent_of(living.leader) == living.shim);
  commands.executor->stop_attempt(other);
  CHECK(commands.sink.wait_end(other).reports.at(0).signal == SIGKILL);
  CHECK(commands.run(command_type({"true"})).reports.at(0).succeeded);
}

TEST_CASE("process: a shim that hangs does not keep a stop from being done") {
  CommandFixture commands;
  const auto token = commands.begin(command_type(escaping()));
  const Tree tree = wait_tree(commands, token);
  kill(tree.shim, SIGSTOP);
  commands.executor->stop_attempt(token);
  check_lost(commands.sink.wait_end(token));
  CHECK_FALSE(exists(tree.leader));
  CHECK_FALSE(exists(tree.escaped));
}

TEST_CASE("process: the spawner is killed: all trees die, and another one is started") {
  CommandFixture commands;
  const auto one = commands.begin(command_type(escaping()));
  const auto other = commands.begin(command_type(escaping()));
  const Tree first = wait_tree(commands, one);
  const Tree second = wait_tree(commands, other);
  const pid_t spawner = commands.spawner();
  const auto start = Clock::now();
  kill(spawner, SIGKILL);
  check_lost(commands.sink.wait_end(one));
  check_lost(commands.sink.wait_end(other));
  CHECK(Clock::now() - start < death_limit);
  for (const pid_t pid : {first.leader, first.escaped, second.leader, second.escaped})
    CHECK_FALSE(exists(pid));
  CHECK(dies_within(first.shim, death_limit));
  CHECK(commands.run(command_type({"true"})).reports.at(0).succeeded);
  CHECK(commands.spawner() != spawner);
}

TEST_CASE("process: spawner and shim are killed: what carries the token dies, and the attempt is lost") {
  CommandFixture commands;
  const auto token = commands.begin(command_type(escaping("keep-environment")));
  const Tree tree = wait_tree(commands, token);
  const pid_t spawner = commands.spawner();
  kill(spawner, SIGSTOP);  // so that it cannot do its duty in between
  kill(tree.shim, SIGKILL);
  kill(spawner, SIGKILL);
  check_lost(commands.sink.wait_end(token));
  CHECK(dies_within(tree.leader, std::chrono::seconds(0)));
  CHECK(dies_within(tree.escaped, std::chrono::seconds(0)));
  CHECK(commands.run(command_type({"true"})).reports.at(0).succeeded);
}

TEST_CASE(
    "process: spawner and shim are killed: a subreaper finds even those without any sign, and lets the "
    "others finish") {
  Host host(true, 2, "clear-environment");
  const pid_t spawner = host.spawner();
  kill(spawner, SIGSTOP);
  kill(host.tree(1).shim, SIGKILL);
  kill(spawner, SIGKILL);
  for (const auto& [token, tree] : host.trees()) {
    CHECK(dies_within(tree.leader, death_limit));
    CHECK(dies_within(tree.escaped, death_limit));
  }
  const std::string first = host.child().wait_line("finished ");
  const std::string second = host.child().wait_line("finished ");
  CHECK(std::min(first, second) == "1 lost WORKER_LOST");
  CHECK(std::max(first, second) == "2 lost WORKER_LOST");
  // It buries them all, the shims too: in the end the new spawner is its only child.
  const auto limit = Clock::now() + patience;
  std::vector<pid_t> children = children_of(host.pid());
  while ((children.size() != 1 || children.front() == spawner) && Clock::now() < limit)
    children = children_of(host.pid());
  REQUIRE(children.size() == 1);
  CHECK(children.front() != spawner);
}

TEST_CASE("process: the server is killed: everything that it started dies within five seconds") {
  for (const bool subreaper : {false, true}) {
    Host host(subreaper, 3, "clear-environment");
    const pid_t spawner = host.spawner();
    std::vector<pid_t> all{spawner};
    for (const auto& [token, tree] : host.trees())
      for (const pid_t pid : {tree.shim, tree.leader, tree.escaped}) all.push_back(pid);
    const auto start = Clock::now();
    host.child().end();
    for (const pid_t pid : all) CHECK(dies_within(pid, death_limit));
    CHECK(Clock::now() - start < death_limit);
  }
}

TEST_CASE("process: the server is killed while a shim hangs") {
  Host host(false, 2, "clear-environment");
  const Tree& hanging = host.tree(1);
  kill(hanging.shim, SIGSTOP);
  const pid_t spawner = host.spawner();
  const auto start = Clock::now();
  host.child().end();
  for (const pid_t pid : {hanging.shim, hanging.leader, hanging.escaped, spawner})
    CHECK(dies_within(pid, death_limit));
  CHECK(Clock::now() - start < death_limit);
}

TEST_CASE("process: server, spawner and shim are killed at once: the next start ends what is left") {
  Host host(false, 1, "keep-environment");
  const Tree tree = host.tree(1);
  const auto stat = process::read_proc_stat(tree.leader);
  REQUIRE(stat);
  const pid_t spawner = host.spawner();
  kill(host.pid(), SIGSTOP);
  kill(spawner, SIGSTOP);
  kill(tree.shim, SIGKILL);
  kill(spawner, SIGKILL);
  host.child().end();
  CHECK(dies_within(tree.leader, death_limit));  // the kernel's net: it does not outlive its shim
  CHECK(exists(tree.escaped));
  Leftover leftover;
  leftover.token = api::AttemptToken(1);
  leftover.process = storage::ProcessIdentity{tree.leader, stat->start_ticks, base::boot_id()};
  CHECK(end_leftovers({leftover}).ok());
  CHECK(dies_within(tree.escaped, std::chrono::seconds(0)));
}

TEST_CASE("process: signals that a service manager sends to everybody end neither spawner nor shim") {
  CommandFixture commands;
  const auto token =
      commands.begin(shell_type("trap 'echo heard >&2' TERM; echo ready >&2; while :; do sleep 0.01; done"));
  commands.sink.wait(token, "readiness", [](const auto& seen) { return !seen.lines.empty(); });
  const pid_t spawner = commands.spawner();
  const pid_t shim = parent_of(commands.wait_leader(token));
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) {
    kill(spawner, signal);
    kill(shim, signal);
  }
  CHECK(commands.run(command_type({"true"})).reports.at(0).succeeded);
  CHECK(commands.sink.now(token).reports.empty());
  CHECK(commands.spawner() == spawner);
  commands.executor->stop_attempt(token);
  const auto seen = commands.sink.wait_end(token);
  CHECK(seen.reports.at(0).signal == SIGKILL);
  // Once, from the stop: none of the others reached the program.
  CHECK(std::ranges::count(seen.lines, "heard", &api::LogLine::text) == 1);
}

}  // namespace longhaul::worker::process_tests
