#include "worker/due_times.h"

#include <algorithm>

namespace longhaul::worker {
namespace {

template <class Time>
void keep_earlier(std::optional<Time>& kept, const std::optional<Time>& other) {
  if (other && (!kept || *other < *kept)) kept = other;
}

}  // namespace

void DueTimes::Times::note(const api::Due& due) {
  if (const auto* at = std::get_if<base::WallTime>(&due)) {
    keep_earlier(wall, std::optional(*at));
  } else {
    keep_earlier(steady, std::optional(std::get<base::SteadyTime>(due)));
  }
}

void DueTimes::Times::merge(const Times& other) {
  keep_earlier(wall, other.wall);
  keep_earlier(steady, other.steady);
}

void DueTimes::note(const std::optional<api::Due>& due) {
  if (!due) return;
  next_.note(*due);
  since_order_.note(*due);
}

void DueTimes::note(const api::TaskSnapshot& task) {
  const bool waits = api::is_waiting(task.state);
  if (task.state == api::TaskState::scheduled) note(task.due);
  if (waits || task.state == api::TaskState::running) note(task.deadline);
  if (waits && !task.started_at) note(task.expiry);
}

void DueTimes::sweep_ordered() { since_order_ = {}; }

void DueTimes::swept(const storage::SweepOutcome& outcome) {
  next_ = {outcome.next_wall, outcome.next_steady};
  next_.merge(since_order_);
}

bool DueTimes::is_due(const storage::Now& now) const {
  return (next_.wall && *next_.wall <= now.wall) || (next_.steady && *next_.steady <= now.steady);
}

}  // namespace longhaul::worker
