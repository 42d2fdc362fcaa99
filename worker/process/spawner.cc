#include "worker/process/spawner.h"

#include <fcntl.h>
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
#include <cstring>
#include <utility>

#include "worker/process/command_executor.h"
#include "worker/process/poll_clock.h"
#include "worker/process/process_tree.h"
#include "worker/process/shim.h"

namespace longhaul::worker::process {
namespace {

// Between two passes over what dead shims left behind.
constexpr int first_pause_ms = 5;
constexpr int last_pause_ms = 200;
constexpr rlim_t usual_open_files = 1024;
constexpr std::int64_t shims_end_by_themselves_ms = 2'000;  // after that, the ones that hang are killed

// Programs start with every signal as at boot: what somebody ignored before us would be inherited through
// exec.
void reset_signals() {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction now {};
    if (sigaction(number, nullptr, &now) == 0 && now.sa_handler == SIG_IGN)
      sigaction(number, &standard, nullptr);
  }
}

// The server raises its own soft limit as far as it may; programs get the usual one, above which select()
// breaks, and may raise it.
bool lower_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  limit.rlim_cur = std::min(limit.rlim_cur, usual_open_files);
  return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

}  // namespace

bool Spawner::prepare() {
  reset_signals();
  sigset_t all;
  sigfillset(&all);
  sigset_t watched;
  sigemptyset(&watched);
  sigaddset(&watched, SIGCHLD);
  sigaddset(&watched, spawner_death_signal());
  if (sigprocmask(SIG_SETMASK, &all, nullptr) != 0) return false;
  signals_.reset(signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));

  const rlimit no_core{0, 0};
  if (!signals_.valid() || fcntl(control_.get(), F_SETFD, FD_CLOEXEC) != 0) return false;
  if (setrlimit(RLIMIT_CORE, &no_core) != 0 || !lower_open_files()) return false;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return false;
  prctl(PR_SET_NAME, "longhaul-spawn");
  buffer_.resize(spawn_message_bytes);
  return true;
}

int Spawner::run() {
  if (!prepare()) return 1;
  if (!tell(SpawnerKind::ready, 0)) return 1;
  while (control_.valid() || !shims_.empty() || !dead_shims_.empty()) wait();
  return 0;
}

void Spawner::wait() {
  // A closed control socket is -1 here, which poll passes over.
  std::array<pollfd, 2> watched{pollfd{signals_.get(), POLLIN, 0}, pollfd{control_.get(), POLLIN, 0}};
  const int ready = poll(watched.data(), watched.size(), time_left_ms());
  if (ready < 0 && errno != EINTR) lose_server();
  if (watched[0].revents != 0) {
    std::array<signalfd_siginfo, 8> infos;
    (void)!read(signals_.get(), infos.data(), sizeof infos);
    reap();
  }
  if (!dead_shims_.empty()) end_orphans();
  if (kill_shims_at_ms_ && now_ms() >= *kill_shims_at_ms_) {
    for (const auto& [pid, token] : shims_) kill(pid, SIGKILL);
    kill_shims_at_ms_.reset();
  }
  if (watched[1].revents != 0) read_control();
}

int Spawner::time_left_ms() const {
  if (!dead_shims_.empty()) return pause_ms_;
  if (!kill_shims_at_ms_) return -1;
  return static_cast<int>(std::max<std::int64_t>(*kill_shims_at_ms_ - now_ms(), 0));
}

void Spawner::read_control() {
  for (;;) {
    Received received = receive_bytes(control_.get(), buffer_);
    if (received.transfer == Transfer::would_block) return;
    ControlHeader header;
    if (received.transfer == Transfer::closed || received.size < sizeof header) return lose_server();
    std::memcpy(&header, buffer_.data(), sizeof header);
    switch (header.kind) {
      case ControlKind::spawn: spawn({buffer_.data(), received.size}, std::move(received.descriptors)); break;
      case ControlKind::kill_shim: kill_shim(header.token); break;
      case ControlKind::ping: (void)tell(SpawnerKind::pong, 0); break;  // unheard, it is asked again
      default: return lose_server();                                    // not our server's words
    }
  }
}

void Spawner::lose_server() {
  control_.reset();
  // The shims have seen it too: their lifelines are closed.
  kill_shims_at_ms_ = now_ms() + shims_end_by_themselves_ms;
}

void Spawner::spawn(std::span<char> message, std::vector<base::UniqueFd> descriptors) {
  auto order = decode(message);
  if (!order || descriptors.size() != SpawnEnds::count) return lose_server();  // not our server's words
  SpawnEnds ends{std::move(descriptors[0]), std::move(descriptors[1]), std::move(descriptors[2]),
                 std::move(descriptors[3]), std::move(descriptors[4])};
  const pid_t self = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    control_.reset();
    _exit(run_shim({self, signals_.get()}, *order, std::move(ends)) ? 0 : 1);
  }
  if (pid > 0) {
    shims_.emplace(pid, order->header.token);
    return;
  }
  ShimReport failure;
  failure.kind = ShimKind::start_failed;
  failure.error_number = errno;
  if (send_message(ends.lifeline.get(), failure) == Transfer::would_block)
    note_dead_shim(order->header.token);  // it never lived, but what has to be told is the same
}

void Spawner::kill_shim(std::int64_t token) {
  for (const auto& [pid, its_token] : shims_)
    if (its_token == token) kill(pid, SIGKILL);
}

void Spawner::reap() {
  for (;;) {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, WNOHANG | __WALL);
    if (pid <= 0) return;
    const auto shim = shims_.find(pid);
    if (shim == shims_.end()) continue;  // an orphan
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
      note_dead_shim(shim->second);
    }
    shims_.erase(shim);
  }
}

void Spawner::note_dead_shim(std::int64_t token) {
  dead_shims_.push_back(token);
  pause_ms_ = first_pause_ms;
}

void Spawner::end_orphans() {
  reap();
  // What a shim leaves behind has become ours by the time that the shim can be reaped.
  if (kill_descendants([this](pid_t pid) { return shims_.contains(pid); }) == 0)
    std::erase_if(dead_shims_, [this](std::int64_t token) { return tell(SpawnerKind::orphans_gone, token); });
  pause_ms_ = std::min(2 * pause_ms_, last_pause_ms);  // for those that live on, or could not be told of
}

bool Spawner::tell(SpawnerKind kind, std::int64_t token) {
  if (!control_.valid()) return true;
  SpawnerMessage message;
  message.kind = kind;
  message.token = token;
  return send_message(control_.get(), message) != Transfer::would_block;
}

}  // namespace longhaul::worker::process

namespace longhaul::worker {

int run_spawner(int control_fd) { return process::Spawner(base::UniqueFd(control_fd)).run(); }

}  // namespace longhaul::worker
