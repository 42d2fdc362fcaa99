#include "storage/sqlite/progress_pace.h"

#include <utility>

namespace longhaul::storage {

bool ProgressPace::hold(TaskKey key, AttemptToken token, api::Progress& progress) {
  const auto found = rests_.find(key);
  if (found == rests_.end()) return false;
  found->second.held = Held{key, token, std::move(progress)};
  return true;
}

void ProgressPace::begin_rest(TaskKey key, Clock::time_point now) {
  rests_.insert_or_assign(key, Rest{now + rest_, std::nullopt});
  ends_.emplace_back(now + rest_, key);
}

std::optional<ProgressPace::Held> ProgressPace::end_rest(TaskKey key) {
  const auto found = rests_.find(key);
  if (found == rests_.end()) return std::nullopt;
  std::optional<Held> held = std::move(found->second.held);
  rests_.erase(found);
  if (rests_.empty()) ends_.clear();
  return held;
}

std::vector<ProgressPace::Held> ProgressPace::end_rests(Clock::time_point now) {
  std::vector<Held> over;
  while (!ends_.empty() && ends_.front().first <= now) {
    const auto [end, key] = ends_.front();
    ends_.pop_front();
    const auto found = rests_.find(key);
    if (found == rests_.end() || found->second.until != end) continue;
    if (found->second.held) over.push_back(std::move(*found->second.held));
    rests_.erase(found);
  }
  return over;
}

std::optional<ProgressPace::Clock::time_point> ProgressPace::next_end() const {
  if (ends_.empty()) return std::nullopt;
  return ends_.front().first;
}

}  // namespace longhaul::storage
