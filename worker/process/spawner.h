// The spawner: a small single-threaded process between the server and the shims. It is executed, not forked,
// so the server may have threads; what every program needs alike (no new privileges, no core file, signals as
// at boot) it sets up once for itself.
//
// It is the subreaper above the shims. A child of its own that is not a shim was left behind by a shim that
// died: it is killed, with all that descends from it, and only then the server is told that this shim's
// orphans are gone. It ends when the server has gone and everything it started is dead. Signals do not end
// it, SIGKILL excepted.
#pragma once

#include <sys/types.h>

#include <optional>
#include <unordered_map>
#include <vector>

#include "base/unique_fd.h"
#include "worker/process/spawn_protocol.h"

namespace longhaul::worker::process {

class Spawner {
 public:
  explicit Spawner(base::UniqueFd control) : control_(std::move(control)) {}
  // The exit code of the process.
  [[nodiscard]] int run();

 private:
  [[nodiscard]] bool prepare();
  void wait();
  void read_control();
  void spawn(std::span<char> message, std::vector<base::UniqueFd> descriptors);
  void kill_shim(std::int64_t token);
  void lose_server();
  void reap();
  void end_orphans();
  void note_dead_shim(std::int64_t token);
  // False when the kernel has no room for it just now.
  bool tell(SpawnerKind kind, std::int64_t token);
  [[nodiscard]] int time_left_ms() const;

  base::UniqueFd control_;  // closed: the server is gone
  base::UniqueFd signals_;
  std::vector<char> buffer_;
  std::unordered_map<pid_t, std::int64_t> shims_;  // the token of each
  std::vector<std::int64_t> dead_shims_;           // not told of yet: their orphans may be there
  std::optional<std::int64_t> kill_shims_at_ms_;   // once the server is gone
  int pause_ms_ = 0;                               // before the next pass over orphans
};

}  // namespace longhaul::worker::process
