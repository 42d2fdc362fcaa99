#include "server/routes/open_tasks.h"

namespace longhaul::server {

void OpenTasks::begin_with(const storage::StateCounts& counts) {
  base::MutexLock lock(mutex_);
  open_ = 0;
  for (const auto& [state, count] : counts.by_state) {
    if (!api::is_final(state)) open_ += count;
  }
}

bool OpenTasks::try_reserve() {
  base::MutexLock lock(mutex_);
  if (open_ + reserved_ >= max_) return false;
  ++reserved_;
  return true;
}

void OpenTasks::release() {
  base::MutexLock lock(mutex_);
  --reserved_;
}

void OpenTasks::on_committed(std::span<const storage::TaskChange> changes) {
  std::int64_t more = 0;
  for (const storage::TaskChange& change : changes) {
    const bool was_open = change.from && !api::is_final(*change.from);
    const bool is_open = !api::is_final(change.task->state);
    more += static_cast<std::int64_t>(is_open) - static_cast<std::int64_t>(was_open);
  }
  if (more == 0) return;
  base::MutexLock lock(mutex_);
  open_ += more;
}

}  // namespace longhaul::server
