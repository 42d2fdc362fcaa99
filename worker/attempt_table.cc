#include "worker/attempt_table.h"

#include <cassert>

namespace longhaul::worker {

Attempt& AttemptTable::add(const api::TaskSnapshot& task, TaskTypePtr type) {
  assert(!attempts_.contains(task.key));
  Attempt& attempt = attempts_[task.key].attempt;
  attempt.key = task.key;
  attempt.id = task.id;
  attempt.token = task.token;
  attempt.queue = task.queue;
  attempt.attempt = task.attempt;
  attempt.max_attempts = task.max_attempts;
  attempt.timeout = task.timeout ? task.timeout : type->timeout;
  attempt.type = std::move(type);
  return attempt;
}

Attempt* AttemptTable::find(api::TaskKey key, api::AttemptToken token) {
  const auto found = attempts_.find(key);
  if (found == attempts_.end() || found->second.attempt.token != token) return nullptr;
  return &found->second.attempt;
}

void AttemptTable::erase(const Attempt& attempt) {
  clear_timeout(attempt);
  attempts_.erase(api::TaskKey(attempt.key));
}

void AttemptTable::set_timeout(const Attempt& attempt, base::BootTime at) {
  clear_timeout(attempt);
  attempts_.at(attempt.key).times_out_at = at;
  timeouts_.emplace(at, attempt.key);
}

void AttemptTable::clear_timeout(const Attempt& attempt) {
  Entry& entry = attempts_.at(attempt.key);
  if (!entry.times_out_at) return;
  timeouts_.erase({*entry.times_out_at, attempt.key});
  entry.times_out_at.reset();
}

std::optional<base::BootTime> AttemptTable::next_timeout() const {
  if (timeouts_.empty()) return std::nullopt;
  return timeouts_.begin()->first;
}

Attempt* AttemptTable::take_timed_out(base::BootTime now) {
  if (timeouts_.empty() || timeouts_.begin()->first > now) return nullptr;
  Attempt& attempt = attempts_.at(timeouts_.begin()->second).attempt;
  clear_timeout(attempt);
  return &attempt;
}

std::vector<Attempt*> AttemptTable::all() {
  std::vector<Attempt*> attempts;
  attempts.reserve(attempts_.size());
  for (auto& [key, entry] : attempts_) attempts.push_back(&entry.attempt);
  return attempts;
}

}  // namespace longhaul::worker
