// What a spawner that died has left behind. Its shims end their own trees and themselves. Where a shim died
// too, the kernel gives what was below it to the nearest subreaper above: this process, if it has become one.
//
// In a subreaper every child that is neither the present spawner nor a shim of a dead one is such an orphan:
// it is killed, with all that descends from it, and reaped, each by its own id. Elsewhere there is nothing
// that it could do, and it does nothing.
//
// Not thread-safe: the command-io thread's own.
#pragma once

#include <sys/types.h>

#include <unordered_set>

namespace longhaul::worker::process {

class OrphanSweep {
 public:
  // A spawner led the session that its shims are in.
  void note_dead_spawner(pid_t spawner);

  // One pass. True when no orphans were found.
  bool pass(pid_t living_spawner);
  // True when there is nothing to do any more: no orphans, no shims of dead spawners. Then passes are idle.
  [[nodiscard]] bool is_done() const { return dead_spawners_.empty(); }

 private:
  std::unordered_set<pid_t> dead_spawners_;
};

}  // namespace longhaul::worker::process
