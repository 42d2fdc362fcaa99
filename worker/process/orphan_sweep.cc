#include "worker/process/orphan_sweep.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "worker/process/command_executor.h"
#include "worker/process/proc_stat.h"
#include "worker/process/process_tree.h"

namespace longhaul::worker {
namespace process {
namespace {

bool is_subreaper() {
  int answer = 0;
  return prctl(PR_GET_CHILD_SUBREAPER, &answer) == 0 && answer != 0;
}

}  // namespace

void OrphanSweep::note_dead_spawner(pid_t spawner) {
  if (is_subreaper()) dead_spawners_.insert(spawner);
}

bool OrphanSweep::pass(pid_t living_spawner) {
  if (is_done()) return true;
  std::vector<pid_t> children;
  append_children(getpid(), children);
  bool shims_left = false;
  std::unordered_set<pid_t> kept;
  for (const pid_t child : children) {
    // By its id, so that nobody else's child can be taken from him.
    if (child == living_spawner || waitpid(child, nullptr, WNOHANG | __WALL) != 0) continue;
    const auto stat = read_proc_stat(child);
    if (stat && !dead_spawners_.contains(stat->session)) continue;
    shims_left = true;
    kept.insert(child);
  }
  if (living_spawner > 0) kept.insert(living_spawner);
  const bool clean = kill_descendants([&](pid_t child) { return kept.contains(child); }) == 0;
  if (clean && !shims_left) dead_spawners_.clear();
  return clean;
}

}  // namespace process

bool become_subreaper() { return prctl(PR_SET_CHILD_SUBREAPER, 1) == 0; }

}  // namespace longhaul::worker
