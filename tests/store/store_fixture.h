// A store of its own for each test case, with a clock that stands still, and every call made to wait for its
// answer.
//
// It watches what observers are told, and holds each change against the rules: the table of states allows it,
// the revision has grown by one, and what memory says is what the database says.
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "storage/store.h"
#include "tests/store/engines.h"
#include "tests/support/manual_clock.h"

namespace longhaul::tests {

using namespace std::chrono_literals;
using namespace storage;  // NOLINT: tests speak the store's language
using api::AttemptOutcome;
using api::TaskSnapshot;

// An answer to come. done() is given to the store once.
template <class T>
class Answer {
 public:
  [[nodiscard]] Done<T> done() {
    return [promise = promise_](StoreResult<T> result) { promise->set_value(std::move(result)); };
  }
  [[nodiscard]] StoreResult<T> wait() { return future_.get(); }

 private:
  std::shared_ptr<std::promise<StoreResult<T>>> promise_ = std::make_shared<std::promise<StoreResult<T>>>();
  std::future<StoreResult<T>> future_ = promise_->get_future();
};

// What observers were told, in order, and what was wrong with it.
class ChangeRecorder final : public StoreObserver {
 public:
  void on_committed(std::span<const TaskChange> changes) override;
  void on_deliveries(std::span<const OwedDelivery> deliveries) override;
  void on_webhooks_changed() override;
  void on_deliveries_tried(std::span<const TriedDelivery> tried) override;
  void on_noted(std::span<const NotedTask> noted) override;
  [[nodiscard]] std::vector<TaskChange> take();
  [[nodiscard]] std::vector<OwedDelivery> take_deliveries();
  [[nodiscard]] std::vector<TriedDelivery> take_tried();
  [[nodiscard]] std::vector<NotedTask> take_noted();
  // How often it was told, since this was asked last, that webhooks have changed.
  [[nodiscard]] int take_webhook_changes();
  [[nodiscard]] std::vector<std::string> faults();
  [[nodiscard]] std::size_t commits();
  // The keys of tasks that are gone: a store that was opened anew may use them again.
  void forget_gone(Store& store);

 private:
  void check(const TaskChange& change) REQUIRES(mutex_);

  base::Mutex mutex_;
  std::vector<TaskChange> changes_ GUARDED_BY(mutex_);
  std::vector<OwedDelivery> deliveries_ GUARDED_BY(mutex_);
  std::vector<TriedDelivery> tried_ GUARDED_BY(mutex_);
  std::vector<NotedTask> noted_ GUARDED_BY(mutex_);
  int webhook_changes_ GUARDED_BY(mutex_) = 0;
  std::vector<std::string> faults_ GUARDED_BY(mutex_);
  std::unordered_map<TaskKey, TaskSnapshotPtr> last_ GUARDED_BY(mutex_);
  std::size_t commits_ GUARDED_BY(mutex_) = 0;
};

class StoreFixture {
 public:
  explicit StoreFixture(std::unique_ptr<StoreEngine> engine, std::size_t max_waiting_starts = 20'000);
  ~StoreFixture();
  StoreFixture(const StoreFixture&) = delete;
  StoreFixture& operator=(const StoreFixture&) = delete;

  [[nodiscard]] Store& store() { return *store_; }
  [[nodiscard]] StoreEngine& engine() { return *engine_; }
  [[nodiscard]] ChangeRecorder& recorder() { return recorder_; }
  ManualClock clock;
  // Set by tests that make tasks with ids of their own, which the fixture then cannot count.
  bool makes_its_own_ids = false;

  // Stops the store and opens it anew on the same data.
  void reopen(const std::string& boot_id = "boot-1");

  // A task of type "work" in queue "default", due now, one attempt, with an id of its own.
  [[nodiscard]] NewTask order();
  [[nodiscard]] TaskId next_id();

  EnqueueOutcome enqueue(NewTask task);
  TaskSnapshotPtr add(NewTask task) { return enqueue(std::move(task)).task; }
  TaskSnapshotPtr add() { return add(order()); }
  std::optional<Claimed> claim(const TaskSnapshotPtr& task);
  TaskSnapshotPtr start(const TaskSnapshotPtr& task) { return claim(task).value().task; }
  FinishOutcome finish(AttemptEnd end);
  FinishOutcome finish(const TaskSnapshotPtr& running, AttemptOutcome outcome, bool retryable = true);
  FinishOutcome stop_attempt(const TaskSnapshotPtr& running, api::StopCause cause);
  CancelOutcome cancel(const TaskSnapshotPtr& task, std::string reason = "");
  RetryOutcome retry(RetryOrder order);
  RetryOutcome retry(const TaskSnapshotPtr& task) { return retry(RetryOrder{task->id, {}, {}}); }
  SweepOutcome sweep();
  std::optional<DeliveryStanding> record_delivery(DeliveryReport report);
  std::vector<std::optional<DeliveryStanding>> record_deliveries(std::vector<DeliveryReport> reports);
  WebhookWithSecret add_webhook(const NewWebhook& webhook);
  std::optional<api::Webhook> change_webhook(const api::WebhookId& id, const api::WebhookChange& change);
  std::optional<WebhookWithSecret> rotate_secret(const api::WebhookId& id);
  bool remove_webhook(const api::WebhookId& id);
  std::optional<api::Webhook> webhook(const api::WebhookId& id);
  SendOutcome redeliver(const api::DeliveryId& id);
  RecoverOutcome recover(const RecoverOrder& order);
  SendOutcome send_test(const api::WebhookId& id);
  // All of a webhook's, newest first; it must exist.
  std::vector<api::DeliverySummary> deliveries(const api::WebhookId& id);
  std::vector<ReadyTask> load_ready(ReadyOrder order);
  // The task as the database has it; must exist.
  TaskSnapshotPtr find(const TaskSnapshotPtr& task);
  api::TaskDetail detail(const TaskSnapshotPtr& task);
  std::vector<OwedDelivery> owed(const std::optional<OwedDelivery>& after = {}, std::size_t limit = 1'000);
  std::optional<DeliveryContent> content(api::DeliveryKey key);
  std::vector<api::DeliverySummary> deliveries(const TaskSnapshotPtr& task);

  // The end of an attempt, with an error where one belongs.
  [[nodiscard]] static AttemptEnd end_of(const TaskSnapshotPtr& running, AttemptOutcome outcome);

 private:
  void open(const std::string& boot_id);
  void check_memory_against_database();

  std::unique_ptr<StoreEngine> engine_;
  const std::size_t max_waiting_starts_;
  ChangeRecorder recorder_;
  std::unique_ptr<Store> store_;
  std::vector<TaskId> ids_;
  std::uint64_t next_id_ = 1;
};

// Everything of a snapshot as text, so that two can be compared and a difference be read.
[[nodiscard]] std::string describe(const TaskSnapshot& task);

}  // namespace longhaul::tests
