// An executor whose attempts run only in the test's mind: it notes what it is asked and reports what the test
// says. It watches that no attempt begins twice, none more than fit, and none is reported twice.
// Thread-safety: every method from any thread.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "tests/worker/patience.h"
#include "worker/executor.h"

namespace longhaul::tests {

class HandExecutor final : public worker::Executor {
 public:
  explicit HandExecutor(std::size_t capacity) : capacity_(capacity) {}
  // Before anything begins.
  void report_to(worker::AttemptSink* sink) { sink_ = sink; }
  // Everything that begins from now on succeeds at once, with its payload as result; so does what runs.
  void succeed_at_once() {
    {
      base::MutexLock lock(mutex_);
      at_once_ = true;
    }
    for (const auto& order : running()) succeed(order.token, order.payload.text);
  }

  [[nodiscard]] std::string_view name() const override { return "executor in hand"; }
  [[nodiscard]] base::Result<void> start() override { return {}; }
  void stop() override {}
  [[nodiscard]] std::size_t capacity() const override { return capacity_; }

  void begin(worker::AttemptOrder order) override {
    const api::AttemptToken token = order.token;
    worker::AttemptReport report = report_of(order);
    report.result = order.payload;
    report.succeeded = true;
    bool at_once = false;
    {
      base::MutexLock lock(mutex_);
      at_once = at_once_;
      if (!seen_.insert(token).second) faults_.push_back("an attempt began twice");
      begun_.push_back(order.id);
      by_task_[order.id] = token;
      running_[token] = std::move(order);
      if (running_.size() > capacity_) faults_.push_back("more attempts than fit");
      most_running_ = std::max(most_running_, running_.size());
      changed_.notify_all();
    }
    if (at_once) finish(token, std::move(report));
  }
  void stop_attempt(api::AttemptToken token) override {
    base::MutexLock lock(mutex_);
    if (running_.contains(token)) stops_.insert(token);
    changed_.notify_all();
  }

  // Waits until the task's newest attempt, newer than `after`, has begun.
  api::AttemptToken wait_for_begin(const api::TaskId& id, api::AttemptToken after = api::AttemptToken(0)) {
    base::MutexLock lock(mutex_);
    Patience left("an attempt of " + id.text() + " to begin");
    while (!by_task_.contains(id) || by_task_[id] <= after) left.wait(changed_, mutex_);
    return by_task_[id];
  }
  void wait_for_stop(api::AttemptToken token) {
    base::MutexLock lock(mutex_);
    Patience left("attempt " + std::to_string(token.get()) + " to be told to stop");
    while (!stops_.contains(token)) left.wait(changed_, mutex_);
  }
  void wait_for_begun_count(std::size_t count) {
    base::MutexLock lock(mutex_);
    Patience left(std::to_string(count) + " attempts to have begun");
    while (begun_.size() < count) left.wait(changed_, mutex_);
  }

  void succeed(api::AttemptToken token, std::string result = "null") {
    worker::AttemptReport report = report_of(order_of(token));
    report.succeeded = true;
    report.result = api::RawJson{std::move(result)};
    finish(token, std::move(report));
  }
  void fail(api::AttemptToken token, bool retryable = true) {
    worker::AttemptReport report = report_of(order_of(token));
    report.retryable = retryable;
    report.error = api::TaskError{"BROKEN", "it broke", {}, {}, {}};
    finish(token, std::move(report));
  }
  void lose(api::AttemptToken token) {
    worker::AttemptReport report = report_of(order_of(token));
    report.lost = true;
    finish(token, std::move(report));
  }
  void finish(api::AttemptToken token, worker::AttemptReport report) {
    {
      base::MutexLock lock(mutex_);
      if (running_.erase(token) == 0) faults_.push_back("reported an attempt that does not run");
    }
    sink_->on_finished(std::move(report));
  }

  worker::AttemptOrder order_of(api::AttemptToken token) {
    base::MutexLock lock(mutex_);
    return running_.at(token);
  }
  std::vector<api::TaskId> begun() {
    base::MutexLock lock(mutex_);
    return begun_;
  }
  std::vector<worker::AttemptOrder> running() {
    base::MutexLock lock(mutex_);
    std::vector<worker::AttemptOrder> orders;
    for (const auto& [token, order] : running_) orders.push_back(order);
    return orders;
  }
  bool was_stopped(api::AttemptToken token) {
    base::MutexLock lock(mutex_);
    return stops_.contains(token);
  }
  std::size_t most_running() {
    base::MutexLock lock(mutex_);
    return most_running_;
  }
  std::vector<std::string> faults() {
    base::MutexLock lock(mutex_);
    return faults_;
  }

 private:
  static worker::AttemptReport report_of(const worker::AttemptOrder& order) {
    worker::AttemptReport report;
    report.key = order.key;
    report.token = order.token;
    return report;
  }

  const std::size_t capacity_;
  worker::AttemptSink* sink_ = nullptr;
  base::Mutex mutex_;
  base::CondVar changed_;
  bool at_once_ GUARDED_BY(mutex_) = false;
  std::map<api::AttemptToken, worker::AttemptOrder> running_ GUARDED_BY(mutex_);
  std::map<api::TaskId, api::AttemptToken> by_task_ GUARDED_BY(mutex_);  // the newest
  std::set<api::AttemptToken> stops_ GUARDED_BY(mutex_);
  std::set<api::AttemptToken> seen_ GUARDED_BY(mutex_);
  std::vector<api::TaskId> begun_ GUARDED_BY(mutex_);
  std::vector<std::string> faults_ GUARDED_BY(mutex_);
  std::size_t most_running_ GUARDED_BY(mutex_) = 0;
};

}  // namespace longhaul::tests
