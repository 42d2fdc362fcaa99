#include "server/streams/wait_hub.h"

#include <future>
#include <utility>

namespace longhaul::server {

WaitHub::WaiterNumber WaitHub::wait(const api::TaskId& id, const Responder& responder, base::BootTime until,
                                    Ended ended) {
  if (closed_ || waiters_.size() >= max_waiters_) {
    ended(nullptr);
    return 0;
  }
  const WaiterNumber number = ++last_number_;
  {
    base::MutexLock lock(mutex_);
    by_task_[id].insert(number);
  }
  const auto timer = server_.call_at(until, [this, number] { settle(number, nullptr); });
  waiters_.emplace(number, Waiter{id, timer, std::move(ended)});
  waiter_count_.store(waiters_.size(), std::memory_order_relaxed);
  responder.on_hang_up([this, number] { forget(number); });
  return number;
}

void WaitHub::settle(WaiterNumber number, const api::TaskSnapshotPtr& task) {
  const auto found = waiters_.find(number);
  if (found == waiters_.end()) return;
  const Ended ended = std::move(found->second.ended);
  forget(number);
  ended(task);
}

bool WaitHub::forget(WaiterNumber number) {
  const auto found = waiters_.find(number);
  if (found == waiters_.end()) return false;
  server_.cancel_timer(found->second.timer);
  {
    base::MutexLock lock(mutex_);
    const auto same_task = by_task_.find(found->second.task);
    same_task->second.erase(number);
    if (same_task->second.empty()) by_task_.erase(same_task);
  }
  waiters_.erase(found);
  waiter_count_.store(waiters_.size(), std::memory_order_relaxed);
  return true;
}

void WaitHub::close() {
  std::promise<void> ended;
  server_.post([this, &ended] {
    closed_ = true;
    std::vector<WaiterNumber> numbers;
    numbers.reserve(waiters_.size());
    for (const auto& [number, waiter] : waiters_) numbers.push_back(number);
    for (const WaiterNumber number : numbers) settle(number, nullptr);
    ended.set_value();
  });
  ended.get_future().wait();
}

void WaitHub::on_committed(std::span<const storage::TaskChange> changes) {
  std::vector<api::TaskSnapshotPtr> awaited;
  {
    base::MutexLock lock(mutex_);
    if (by_task_.empty()) return;
    for (const storage::TaskChange& change : changes) {
      if (api::is_final(change.task->state) && by_task_.count(change.task->id) > 0)
        awaited.push_back(change.task);
    }
  }
  if (awaited.empty()) return;
  server_.post([this, awaited = std::move(awaited)] {
    for (const api::TaskSnapshotPtr& task : awaited) {
      for (const WaiterNumber number : waiters_of(task->id)) settle(number, task);
    }
  });
}

std::size_t WaitHub::awaited_tasks() const {
  base::MutexLock lock(mutex_);
  return by_task_.size();
}

std::vector<WaitHub::WaiterNumber> WaitHub::waiters_of(const api::TaskId& id) const {
  base::MutexLock lock(mutex_);
  const auto found = by_task_.find(id);
  if (found == by_task_.end()) return {};
  return {found->second.begin(), found->second.end()};
}

}  // namespace longhaul::server
