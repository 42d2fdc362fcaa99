#include "worker/process/shim.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include "worker/process/poll_clock.h"
#include "worker/process/proc_stat.h"
#include "worker/process/process_tree.h"
#include "worker/process/program_start.h"

namespace longhaul::worker::process {
namespace {

constexpr int first_pause_ms = 5;  // between two passes over a tree that is being killed
constexpr int last_pause_ms = 200;

// A report that the kernel has no memory for is tried again, for more than a second in all.
constexpr int report_tries = 8;

class Shim {
 public:
  Shim(const ShimSeat& seat, base::UniqueFd lifeline) : seat_(seat), lifeline_(std::move(lifeline)) {}

  // False when the program does not run.
  bool start(SpawnOrder& order, SpawnEnds ends);
  // Until something says that the tree has to end.
  void watch();
  void end_tree();
  // Whether the server has been told of the last thing that it has to know.
  [[nodiscard]] bool has_told() const { return told_; }

 private:
  void report(const ShimReport& report);
  // False when the server is gone.
  bool read_orders();
  void take_order(const StopOrder& order);
  void drain_signals();
  [[nodiscard]] bool spawner_died() const { return getppid() != seat_.spawner; }
  // True when the leader has exited. Buries others on the way.
  bool look_for_the_dead();
  // Reaps all that can be reaped. False when there are no children any more.
  bool reap();
  [[nodiscard]] int time_left_ms() const;

  const ShimSeat seat_;
  base::UniqueFd lifeline_;
  pid_t leader_ = -1;
  std::optional<std::int64_t> kill_at_ms_;  // set: SIGTERM was sent
  std::optional<int> leader_status_;        // set: it has been reaped
  bool leader_exited_ = false;
  bool abandoned_ = false;
  bool told_ = false;
};

void Shim::report(const ShimReport& report) {
  told_ = false;
  int pause_ms = first_pause_ms;
  for (int i = 0; i < report_tries; ++i) {
    const Transfer sent = send_message(lifeline_.get(), report);
    told_ = sent == Transfer::done;
    if (sent != Transfer::would_block) return;
    poll(nullptr, 0, pause_ms);
    pause_ms *= 2;
  }
}

bool Shim::start(SpawnOrder& order, SpawnEnds ends) {
  prctl(PR_SET_NAME, "longhaul-shim");
  ShimReport failure;
  failure.kind = ShimKind::start_failed;
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 || prctl(PR_SET_PDEATHSIG, spawner_death_signal()) != 0) {
    failure.error_number = errno;
    report(failure);
    return false;
  }
  if (spawner_died()) return false;  // before the kernel knew that we want to be told

  const ProgramStart started = start_program(order, ends);
  if (started.pid < 0) {
    failure.stage = started.stage;
    failure.error_number = started.error_number;
    report(failure);
    return false;
  }
  leader_ = started.pid;
  ShimReport success;
  success.kind = ShimKind::started;
  success.pid = leader_;
  if (const auto stat = read_proc_stat(leader_)) success.start_ticks = stat->start_ticks;
  report(success);
  return true;
}

void Shim::watch() {
  std::array<pollfd, 2> watched{pollfd{lifeline_.get(), POLLIN, 0}, pollfd{seat_.signals, POLLIN, 0}};
  for (;;) {
    if (kill_at_ms_ && now_ms() >= *kill_at_ms_) return;
    const int ready = poll(watched.data(), watched.size(), time_left_ms());
    if (ready < 0 && errno != EINTR) return;
    if (watched[1].revents != 0) {
      drain_signals();
      if (look_for_the_dead()) return;
      if (spawner_died()) {
        abandoned_ = true;
        return;
      }
    }
    if (watched[0].revents != 0 && !read_orders()) return;
  }
}

int Shim::time_left_ms() const {
  if (!kill_at_ms_) return -1;
  constexpr std::int64_t longest = 24 * 3600 * 1000;
  return static_cast<int>(std::clamp<std::int64_t>(*kill_at_ms_ - now_ms(), 0, longest));
}

bool Shim::read_orders() {
  for (;;) {
    StopOrder order;
    const Transfer transfer = receive_message(lifeline_.get(), order);
    if (transfer == Transfer::would_block) return true;
    if (transfer == Transfer::closed) return false;
    take_order(order);
  }
}

void Shim::take_order(const StopOrder& order) {
  const std::int64_t kill_at = now_ms() + order.grace_ms;
  if (!kill_at_ms_) {
    // The leader is not reaped before end_tree, so the group is still its own. A stopped process acts once it
    // is continued.
    kill(-leader_, SIGTERM);
    kill(-leader_, SIGCONT);
  }
  kill_at_ms_ = std::min(kill_at_ms_.value_or(kill_at), kill_at);
}

void Shim::drain_signals() {
  std::array<signalfd_siginfo, 8> infos;
  (void)!read(seat_.signals, infos.data(), sizeof infos);
}

bool Shim::look_for_the_dead() {
  for (;;) {
    siginfo_t info{};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) != 0 || info.si_pid == 0) return false;
    if (info.si_pid == leader_) {
      leader_exited_ = true;
      return true;
    }
    waitpid(info.si_pid, nullptr, __WALL);
  }
}

bool Shim::reap() {
  for (;;) {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, WNOHANG | __WALL);
    if (pid == 0) return true;
    if (pid < 0) return errno == EINTR;
    if (pid == leader_) leader_status_ = status;
  }
}

void Shim::end_tree() {
  const bool killed = !leader_exited_;
  int pause_ms = first_pause_ms;
  pollfd signals{seat_.signals, POLLIN, 0};
  for (;;) {
    if (!leader_status_) kill(-leader_, SIGKILL);
    if (!reap()) break;
    kill_descendants([](pid_t) { return false; });
    poll(&signals, 1, pause_ms);
    drain_signals();
    pause_ms = std::min(2 * pause_ms, last_pause_ms);
  }
  rusage use{};
  getrusage(RUSAGE_CHILDREN, &use);
  ShimReport end;
  end.kind = ShimKind::finished;
  end.wait_status = leader_status_.value_or(0);
  end.killed = killed ? 1 : 0;
  end.abandoned = abandoned_ ? 1 : 0;
  end.peak_memory_bytes = use.ru_maxrss * 1024;
  end.cpu_microseconds =
      (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1'000'000 + use.ru_utime.tv_usec + use.ru_stime.tv_usec;
  report(end);
}

}  // namespace

int spawner_death_signal() { return SIGUSR1; }

bool run_shim(const ShimSeat& seat, SpawnOrder& order, SpawnEnds ends) {
  Shim shim(seat, std::move(ends.lifeline));
  if (shim.start(order, std::move(ends))) {  // the pipes close here: only the program has them
    shim.watch();
    shim.end_tree();
  }
  return shim.has_told();
}

}  // namespace longhaul::worker::process
