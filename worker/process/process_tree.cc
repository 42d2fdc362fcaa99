#include "worker/process/process_tree.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "worker/process/proc_stat.h"

namespace longhaul::worker::process {
namespace {

// glibc has no names for these before 2.36.
base::UniqueFd open_pidfd(pid_t pid) {
  return base::UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}
bool kill_through(const base::UniqueFd& pidfd) {
  return syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0) == 0;
}

// A process further down and the one it was seen under.
struct Seen {
  pid_t pid;
  pid_t parent;
};

// True when `seen` was still what we took it for, and is dying now.
bool kill_descendant(const Seen& seen, pid_t self) {
  const base::UniqueFd pidfd = open_pidfd(seen.pid);
  if (!pidfd.valid()) return false;
  const auto stat = read_proc_stat(seen.pid);
  if (!stat || (stat->parent != seen.parent && stat->parent != self)) return false;
  return kill_through(pidfd);
}

void append_below(pid_t parent, std::vector<Seen>& seen) {
  std::vector<pid_t> children;
  append_children(parent, children);
  for (const pid_t child : children) seen.push_back({child, parent});
}

}  // namespace

std::size_t kill_descendants(const KeepChild& keep) {
  const pid_t self = getpid();
  std::vector<pid_t> children;
  append_children(self, children);
  std::erase_if(children, keep);
  // All of ours first, and at once: a process that forks and exits over and over is hit before it has moved
  // on.
  for (const pid_t child : children) kill(child, SIGKILL);
  std::vector<Seen> below;
  for (const pid_t child : children) append_below(child, below);
  while (!below.empty()) {
    const Seen next = below.back();
    below.pop_back();
    if (kill_descendant(next, self)) append_below(next.pid, below);
  }
  return children.size();
}

bool kill_exactly(pid_t pid, std::int64_t start_ticks) {
  const base::UniqueFd pidfd = open_pidfd(pid);
  if (!pidfd.valid()) return false;
  const auto stat = read_proc_stat(pid);
  return stat && stat->start_ticks == start_ticks && kill_through(pidfd);
}

}  // namespace longhaul::worker::process
