// The spawner that hangs, and the last word of a shim that gets lost.
#include "worker/process/spawner_watch.h"

#include <sys/signalfd.h>
#include <sys/socket.h>

#include "tests/worker/process_fixture.h"
#include "worker/process/shim.h"

namespace longhaul::worker::process_tests {
namespace {

using process::SpawnerWatch;
using Step = process::SpawnerWatch::Step;
using std::chrono::milliseconds;

const auto start = Clock::time_point{} + std::chrono::hours(1);

// Runs a shim for `true` in a process of its own whose lifeline is `lifeline`; its exit code.
int exit_code_of_shim(base::UniqueFd lifeline) {
  const pid_t spawner = getpid();
  const pid_t pid = fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    sigset_t watched;
    sigemptyset(&watched);
    sigaddset(&watched, SIGCHLD);
    sigaddset(&watched, process::spawner_death_signal());
    sigprocmask(SIG_BLOCK, &watched, nullptr);
    const base::UniqueFd signals(signalfd(-1, &watched, SFD_NONBLOCK | SFD_CLOEXEC));
    std::string message = process::encode({1, {"true"}, {"PATH=/usr/bin:/bin"}, {}, {}});
    auto order = process::decode(message);
    process::SpawnEnds ends{base::UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC)),
                            base::UniqueFd(open("/dev/null", O_WRONLY | O_CLOEXEC)),
                            base::UniqueFd(open("/dev/null", O_WRONLY | O_CLOEXEC)),
                            base::UniqueFd(open("/dev/null", O_WRONLY | O_CLOEXEC)), std::move(lifeline)};
    _exit(process::run_shim({spawner, signals.get()}, *order, std::move(ends)) ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("process: a spawner is taken for hanging only when it leaves every question unanswered") {
  SpawnerWatch watch(milliseconds(1'000));
  auto now = start;
  CHECK_FALSE(watch.next());
  CHECK(watch.pass(now + std::chrono::hours(1)) == Step::nothing);  // nothing is awaited: no rounds
  watch.expect(true, now);
  for (int i = 0; i < 3 * SpawnerWatch::rounds; ++i) {
    CHECK(watch.pass(now + milliseconds(99)) == Step::nothing);
    now += milliseconds(100);
    CHECK(watch.pass(now) == Step::ask);
    watch.expect(true, now);  // still awaited: changes nothing
    if (i % 2 == 0) watch.heard();
  }
  watch.heard();
  // A machine that slept for a day has not given it that day.
  now += std::chrono::hours(24);
  for (int i = 0; i < SpawnerWatch::rounds; ++i) {
    CHECK(watch.pass(now) == Step::ask);
    now += milliseconds(100);
  }
  CHECK(watch.pass(now) == Step::hangs);
  CHECK_FALSE(watch.next());
}

TEST_CASE("process: nothing awaited any more ends the watch, and the next one begins anew") {
  SpawnerWatch watch(milliseconds(1'000));
  for (int i = 0; i < SpawnerWatch::rounds; ++i) {
    watch.expect(true, start);
    CHECK(watch.pass(start + milliseconds(100)) == Step::ask);
    watch.expect(false, start + milliseconds(100));
    CHECK_FALSE(watch.next());
  }
}

TEST_CASE("process: a spawner that hangs before a start is killed and replaced, and the attempt is lost") {
  CommandFixture commands(command_host, milliseconds(1'000));
  const pid_t spawner = commands.spawner();
  kill(spawner, SIGSTOP);
  const auto report = commands.run(shell_type("sleep 1000")).reports.at(0);
  CHECK(report.lost);
  CHECK(report.retryable);
  CHECK(commands.run(command_type({"true"})).reports.at(0).succeeded);
  CHECK(commands.spawner() != spawner);
}

TEST_CASE("process: a spawner that hangs while it owes the end of a dead shim is killed and replaced") {
  CommandFixture commands(command_host, milliseconds(1'000));
  const auto token = commands.begin(command_type({python, programs + "escape.py", "leader", "stays"}));
  const pid_t leader = commands.wait_number(token, "leader");
  const pid_t escaped = commands.wait_number(token, "escaped");
  const pid_t spawner = commands.spawner();
  kill(spawner, SIGSTOP);
  kill(parent_of(leader), SIGKILL);
  CHECK(commands.sink.wait_end(token).reports.at(0).lost);
  CHECK(dies_within(escaped, milliseconds(0)));
  CHECK(commands.run(command_type({"true"})).reports.at(0).succeeded);
  CHECK(commands.spawner() != spawner);
}

TEST_CASE("process: a shim whose last report nobody takes says so by its exit code") {
  auto heard = process::make_socket_pair();
  REQUIRE(heard);
  CHECK(exit_code_of_shim(std::move(heard->there)) == 0);
  process::ShimReport report;
  CHECK(process::receive_message(heard->here.get(), report) == process::Transfer::done);
  CHECK(process::receive_message(heard->here.get(), report) == process::Transfer::done);
  CHECK(report.kind == process::ShimKind::finished);

  // As when the kernel has no memory for a message.
  auto full = process::make_socket_pair();
  REQUIRE(full);
  REQUIRE(fcntl(full->there.get(), F_SETFL, O_NONBLOCK) == 0);
  while (process::send_message(full->there.get(), report) == process::Transfer::done) {
  }
  CHECK(exit_code_of_shim(std::move(full->there)) == 1);
}

}  // namespace longhaul::worker::process_tests
