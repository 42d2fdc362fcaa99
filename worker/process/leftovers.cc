#include "worker/process/leftovers.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "worker/process/proc_stat.h"
#include "worker/process/process_tree.h"

namespace longhaul::worker {
namespace process {
namespace {

bool is_dead(const ProcStat& stat) { return stat.state == 'Z' || stat.state == 'X'; }

// The leftovers, ready to be asked about each process of the machine.
class Search {
 public:
  explicit Search(const std::vector<Leftover>& leftovers) {
    const std::string boot = base::boot_id();
    for (const Leftover& leftover : leftovers) {
      ids_.emplace(leftover.token.get(), leftover.id.text());
      if (leftover.process && !boot.empty() && leftover.process->boot_id == boot)
        start_ticks_.emplace(leftover.process->pid, leftover.process->start_ticks);
    }
  }

  // A session's id is that of the process that made it, and stays taken as long as the session has members.
  void note_session(const ProcStat& stat) {
    if (is_recorded(stat)) sessions_.insert(stat.pid);
  }
  [[nodiscard]] bool matches(const ProcStat& stat) const {
    return is_recorded(stat) || sessions_.contains(stat.session) || has_token(stat.pid);
  }

 private:
  [[nodiscard]] bool is_recorded(const ProcStat& stat) const {
    const auto found = start_ticks_.find(stat.pid);
    return found != start_ticks_.end() && found->second == stat.start_ticks;
  }
  [[nodiscard]] bool has_token(pid_t pid) const {
    const std::string environment = read_environment(pid);
    const auto token = find_variable(environment, "LONGHAUL_TOKEN");
    if (!token) return false;
    const auto found = ids_.find(std::strtoll(token->c_str(), nullptr, 10));
    return found != ids_.end() && find_variable(environment, "LONGHAUL_TASK_ID") == found->second;
  }

  std::unordered_map<std::int64_t, std::string> ids_;    // by token
  std::unordered_map<pid_t, std::int64_t> start_ticks_;  // of recorded processes of this boot
  std::unordered_set<pid_t> sessions_;
};

// Adds what descends from matching processes: their children, and theirs.
void add_descendants(const std::unordered_multimap<pid_t, const ProcStat*>& by_parent,
                     std::vector<const ProcStat*>& matching) {
  std::unordered_set<pid_t> known;
  for (const ProcStat* stat : matching) known.insert(stat->pid);
  for (std::size_t i = 0; i < matching.size(); ++i) {
    const auto [first, last] = by_parent.equal_range(matching[i]->pid);
    for (auto child = first; child != last; ++child)
      if (known.insert(child->second->pid).second) matching.push_back(child->second);
  }
}

}  // namespace

std::vector<ProcStat> kill_leftovers(const std::vector<Leftover>& leftovers) {
  if (leftovers.empty()) return {};
  std::vector<ProcStat> table;
  for (const pid_t pid : all_processes())
    if (const auto stat = read_proc_stat(pid); stat && pid != getpid()) table.push_back(*stat);

  Search search(leftovers);
  std::unordered_multimap<pid_t, const ProcStat*> by_parent;
  for (const ProcStat& stat : table) {
    search.note_session(stat);
    by_parent.emplace(stat.parent, &stat);
  }
  std::vector<const ProcStat*> matching;
  for (const ProcStat& stat : table)
    if (search.matches(stat)) matching.push_back(&stat);
  add_descendants(by_parent, matching);

  std::vector<ProcStat> killed;
  for (const ProcStat* stat : matching)
    if (!is_dead(*stat) && kill_exactly(stat->pid, stat->start_ticks)) killed.push_back(*stat);
  return killed;
}

}  // namespace process

namespace {

constexpr std::chrono::seconds patience{5};
constexpr int pause_ms = 50;  // at most, between two passes

bool lives(const process::ProcStat& was) {
  const auto now = process::read_proc_stat(was.pid);
  return now && now->start_ticks == was.start_ticks && !process::is_dead(*now);
}

// Returns when one of them is gone, or after a moment.
void wait_for_one(const std::vector<process::ProcStat>& processes) {
  std::vector<base::UniqueFd> pidfds;
  std::vector<pollfd> watched;
  constexpr std::size_t enough = 64;
  for (std::size_t i = 0; i < std::min(processes.size(), enough); ++i) {
    pidfds.emplace_back(static_cast<int>(syscall(SYS_pidfd_open, processes[i].pid, 0)));
    watched.push_back({pidfds.back().get(), POLLIN, 0});
  }
  poll(watched.data(), watched.size(), pause_ms);
}

}  // namespace

base::Result<void> end_leftovers(const std::vector<Leftover>& leftovers) {
  const auto limit = std::chrono::steady_clock::now() + patience;
  std::vector<process::ProcStat> left;  // killed, and not gone yet
  for (;;) {
    const std::vector<process::ProcStat> found = process::kill_leftovers(leftovers);
    for (const process::ProcStat& killed : found) {
      const bool is_known = std::any_of(left.begin(), left.end(), [&](const process::ProcStat& one) {
        return one.pid == killed.pid && one.start_ticks == killed.start_ticks;
      });
      if (!is_known) left.push_back(killed);
    }
    std::erase_if(left, [](const process::ProcStat& one) { return !lives(one); });
    if (found.empty() && left.empty()) return {};
    if (std::chrono::steady_clock::now() >= limit) {
      std::string pids;
      for (const process::ProcStat& one : left) pids += " " + std::to_string(one.pid);
      return base::fail("processes of the server before this one do not die:" + pids +
                        "; find out what holds them (state D in ps), then start again");
    }
    if (!left.empty()) wait_for_one(left);
  }
}

}  // namespace longhaul::worker
