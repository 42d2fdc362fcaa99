// The server's side of the spawner: starts it, talks to it, notices its death, starts the next one after a
// pause that grows. A spawner that died and those after it are told apart by their generation.
//
// Not thread-safe: start() by whoever starts the executor, everything after that by the command-io thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "worker/process/spawn_protocol.h"

namespace longhaul::worker::process {

class SpawnerProcess {
 public:
  using Clock = std::chrono::steady_clock;
  explicit SpawnerProcess(std::string program) : program_(std::move(program)) {}
  ~SpawnerProcess() { end(); }
  SpawnerProcess(const SpawnerProcess&) = delete;
  SpawnerProcess& operator=(const SpawnerProcess&) = delete;

  // Starts one without waiting for it.
  [[nodiscard]] base::Result<void> launch();
  // Waits until it says that it works; what is no spawner is ended.
  [[nodiscard]] base::Result<void> wait_until_ready();

  [[nodiscard]] bool is_up() const { return control_.valid(); }
  [[nodiscard]] bool is_ready() const { return ready_; }
  [[nodiscard]] int control() const { return control_.get(); }
  [[nodiscard]] pid_t pid() const { return pid_; }  // -1: none
  [[nodiscard]] int generation() const { return generation_; }

  // would_block: try again when it has read, or in a moment.
  [[nodiscard]] Transfer spawn(std::span<const char> message, const SpawnEnds& ends);
  void kill_shim(std::int64_t token);
  // To be answered by a pong.
  void ping();

  // Reads what it says, a pong being nothing but a sign of life. False when it has died: then end() it.
  [[nodiscard]] bool read(const std::function<void(std::int64_t token)>& on_orphans_gone);

  // Lets it go: closes its socket, waits until it has seen to the end of its shims, kills it when that takes
  // too long.
  void end();
  // It has died, or will now.
  void bury();
  // When the next one may be launched, after a death.
  [[nodiscard]] Clock::time_point next_launch() const { return next_launch_; }

 private:
  void send(ControlKind kind, std::int64_t token);

  const std::string program_;
  base::UniqueFd control_;
  pid_t pid_ = -1;
  bool ready_ = false;
  int generation_ = 0;
  Clock::time_point launched_at_;
  Clock::time_point next_launch_;
  std::chrono::milliseconds pause_{0};
};

}  // namespace longhaul::worker::process
