#include "worker/process/spawner_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace longhaul::worker::process {
namespace {

constexpr int ready_limit_ms = 20'000;
constexpr int end_limit_ms = 5'000;
constexpr std::chrono::milliseconds first_pause{100};
constexpr std::chrono::milliseconds last_pause{5'000};
constexpr std::chrono::seconds healthy_life{10};  // after so long a death does not lengthen the pause

// Null input, output to the server's stderr, the control socket, and nothing else; own session, so that a
// Ctrl-C at the server's terminal does not reach the programs; every signal as at boot.
class SpawnSettings {
 public:
  explicit SpawnSettings(int control) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, 2, 1);
    posix_spawn_file_actions_adddup2(&actions_, control, control_descriptor);
    posix_spawn_file_actions_addclosefrom_np(&actions_, control_descriptor + 1);
    sigset_t all;
    sigfillset(&all);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setflags(&attributes_,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  // 0, or an errno.
  int launch(const std::string& program, pid_t& pid) const {
    // So that a list of processes names us and not a link.
    std::string name = program == "/proc/self/exe" ? program_invocation_name : program;
    std::string role = "spawner";
    std::array<char*, 3> arguments{name.data(), role.data(), nullptr};
    return posix_spawn(&pid, program.c_str(), &actions_, &attributes_, arguments.data(), environ);
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

}  // namespace

base::Result<void> SpawnerProcess::launch() {
  auto pair = make_socket_pair();
  int error = errno;
  if (pair) error = SpawnSettings(pair->there.get()).launch(program_, pid_);
  launched_at_ = Clock::now();
  if (!pair || error != 0) {
    pid_ = -1;
    bury();
    return base::fail("the spawner '" + program_ + "' could not be started: " + std::strerror(error));
  }
  control_ = std::move(pair->here);
  ++generation_;
  return {};
}

base::Result<void> SpawnerProcess::wait_until_ready() {
  const auto limit = Clock::now() + std::chrono::milliseconds(ready_limit_ms);
  while (!ready_) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(limit - Clock::now()).count();
    pollfd watched{control_.get(), POLLIN, 0};
    const int count = left <= 0 ? 0 : poll(&watched, 1, static_cast<int>(left));
    if (count < 0 && errno == EINTR) continue;
    if (count > 0 && read([](std::int64_t) {})) continue;
    bury();
    return base::fail("'" + program_ +
                      " spawner' did not become a spawner: the program must call run_spawner() for it");
  }
  return {};
}

Transfer SpawnerProcess::spawn(std::span<const char> message, const SpawnEnds& ends) {
  const std::array<int, SpawnEnds::count> descriptors{ends.input.get(), ends.output.get(), ends.log.get(),
                                                      ends.progress.get(), ends.lifeline.get()};
  return send_bytes(control_.get(), message, descriptors);
}

void SpawnerProcess::kill_shim(std::int64_t token) { send(ControlKind::kill_shim, token); }
void SpawnerProcess::ping() { send(ControlKind::ping, 0); }

// One that finds no room is lost: a kill is then up to the watch over a spawner that does not read.
void SpawnerProcess::send(ControlKind kind, std::int64_t token) {
  ControlHeader header;
  header.kind = kind;
  header.token = token;
  if (control_.valid()) (void)send_message(control_.get(), header);
}

bool SpawnerProcess::read(const std::function<void(std::int64_t token)>& on_orphans_gone) {
  for (;;) {
    SpawnerMessage message;
    const Transfer transfer = receive_message(control_.get(), message);
    if (transfer != Transfer::done) return transfer == Transfer::would_block;
    if (message.kind == SpawnerKind::ready) ready_ = true;
    if (message.kind == SpawnerKind::orphans_gone) on_orphans_gone(message.token);
  }
}

void SpawnerProcess::end() {
  control_.reset();
  if (pid_ > 0) {
    const base::UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
    pollfd watched{pidfd.get(), POLLIN, 0};
    while (poll(&watched, 1, end_limit_ms) < 0 && errno == EINTR) {
    }
  }
  bury();
}

void SpawnerProcess::bury() {
  control_.reset();
  ready_ = false;
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
  }
  const bool was_healthy = Clock::now() - launched_at_ > healthy_life;
  pause_ = was_healthy ? first_pause : std::clamp(2 * pause_, first_pause, last_pause);
  next_launch_ = Clock::now() + pause_;
}

}  // namespace longhaul::worker::process
