// What a new server ends of an old one's, and what it leaves alone.
#include "tests/worker/process_fixture.h"

namespace longhaul::worker::process_tests {
namespace {

api::TaskId id_of(std::uint64_t number) {
  return api::TaskId::make(std::chrono::milliseconds(1'700'000'000'000), 1, number);
}
std::vector<std::string> marked(const api::TaskId& id, std::int64_t token) {
  return {"PATH=/usr/bin:/bin", "LONGHAUL_TASK_ID=" + id.text(), "LONGHAUL_TOKEN=" + std::to_string(token)};
}
Leftover leftover_of(std::uint64_t number, std::int64_t token) {
  Leftover leftover;
  leftover.id = id_of(number);
  leftover.token = api::AttemptToken(token);
  return leftover;
}
storage::ProcessIdentity identity_of(pid_t pid) {
  const auto stat = process::read_proc_stat(pid);
  REQUIRE(stat);
  return {pid, stat->start_ticks, base::boot_id()};
}
bool was_killed(Child& child) {
  if (child.is_alive()) return false;
  return WTERMSIG(child.end()) == SIGKILL;
}
const std::vector<std::string> sleeper{"sleep", "1000"};

}  // namespace

TEST_CASE("process: leftovers are found by task id and token together") {
  Child match(sleeper, marked(id_of(1), 5));
  Child other_token(sleeper, marked(id_of(1), 6));
  Child other_task(sleeper, marked(id_of(2), 5));
  Child longer_token(sleeper, marked(id_of(1), 55));
  Child unmarked(sleeper, {"PATH=/usr/bin:/bin", "NOT_LONGHAUL_TOKEN=5"});
  CHECK(end_leftovers({leftover_of(1, 5)}).ok());
  CHECK(was_killed(match));
  CHECK(other_token.is_alive());
  CHECK(other_task.is_alive());
  CHECK(longer_token.is_alive());
  CHECK(unmarked.is_alive());
}

TEST_CASE("process: leftovers are found by process id only if start time and boot agree") {
  Child sleeping(sleeper, {"PATH=/usr/bin:/bin"});
  Leftover leftover = leftover_of(1, 5);
  const storage::ProcessIdentity right = identity_of(sleeping.pid());
  for (int wrong = 0; wrong < 2; ++wrong) {
    leftover.process = right;
    if (wrong == 0) ++leftover.process->start_ticks;
    if (wrong == 1) leftover.process->boot_id = "00000000-0000-0000-0000-000000000000";
    CHECK(end_leftovers({leftover}).ok());
    CHECK(sleeping.is_alive());
  }
  leftover.process = right;
  CHECK(end_leftovers({leftover}).ok());
  CHECK(was_killed(sleeping));
}

TEST_CASE("process: with a process its session and its descendants end") {
  // setsid makes a session; in it a child in a group of its own, and one that has left for a session of its
  // own.
  const std::string script =
      "set -m; sleep 1001 & echo group $!; setsid sleep 1002 & echo session $!; echo ready; wait";
  Child leader({"setsid", "sh", "-c", script}, {"PATH=/usr/bin:/bin"});
  const pid_t in_group = std::stoi(leader.wait_line("group "));
  const pid_t in_session = std::stoi(leader.wait_line("session "));
  leader.wait_line("ready");
  Leftover leftover = leftover_of(1, 5);
  leftover.process = identity_of(leader.pid());
  CHECK(end_leftovers({leftover}).ok());
  CHECK(was_killed(leader));
  CHECK(dies_within(in_group, std::chrono::seconds(0)));
  CHECK(dies_within(in_session, std::chrono::seconds(0)));
}

TEST_CASE("process: many leftovers are ended in one go") {
  std::list<Child> children;
  std::vector<Leftover> leftovers;
  for (int i = 1; i <= 20; ++i) {
    children.emplace_back(sleeper, marked(id_of(static_cast<std::uint64_t>(i)), i));
    leftovers.push_back(leftover_of(static_cast<std::uint64_t>(i), i));
  }
  CHECK(end_leftovers(leftovers).ok());
  for (Child& child : children) CHECK(was_killed(child));
}

}  // namespace longhaul::worker::process_tests
