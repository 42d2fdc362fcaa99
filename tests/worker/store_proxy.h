// A store in front of a store: counts what it is asked, and can refuse changes as a full disk would. It owns
// the real one.
// Thread-safety: as the store's.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "storage/store.h"

namespace longhaul::tests {

class StoreProxy final : public storage::Store, private storage::Retention {
 public:
  explicit StoreProxy(std::unique_ptr<storage::Store> inner) : inner_(std::move(inner)) {}

  // Set by tests: how many of the next calls are refused with storage_full.
  std::atomic<int> refuse_claims = 0;
  std::atomic<int> refuse_finishes = 0;
  std::atomic<int> refuse_stops = 0;
  std::atomic<int> refuse_sweeps = 0;
  std::atomic<int> refuse_loads = 0;

  // Set before the store is started: told of each slice of a removal, on the thread that asks for it.
  std::function<void(const storage::PurgeOrder&)> on_purge;
  std::atomic<std::size_t> slices_removed = 0;  // of such removals, that are over

  // The most tasks that were claimed and not yet answered for at a time.
  std::atomic<std::size_t> most_claims_asked = 0;
  // Everything that was asked since the store was made.
  [[nodiscard]] std::uint64_t calls() const { return calls_; }

  [[nodiscard]] std::string_view name() const override { return inner_->name(); }
  [[nodiscard]] base::Result<void> start() override { return inner_->start(); }
  void stop() override { inner_->stop(); }
  void add_observer(storage::StoreObserver* observer) override { inner_->add_observer(observer); }

  void enqueue(storage::NewTask task, storage::Done<storage::EnqueueOutcome> done) override {
    inner_->enqueue(std::move(task), std::move(done));
  }
  void claim(std::vector<storage::ClaimOrder> orders, storage::Done<storage::ClaimOutcome> done) override {
    ++calls_;
    if (refuse(refuse_claims)) return done(full());
    const std::size_t count = orders.size();
    const std::size_t asked = claims_asked_ += count;
    if (asked > most_claims_asked) most_claims_asked = asked;  // one thread claims
    inner_->claim(std::move(orders), [this, count, done = std::move(done)](auto outcome) {
      claims_asked_ -= count;
      done(std::move(outcome));
    });
  }
  void record_process(api::TaskKey key, api::AttemptToken token, storage::ProcessIdentity process) override {
    ++calls_;
    inner_->record_process(key, token, std::move(process));
  }
  void append_log(api::TaskKey key, api::AttemptToken token, std::vector<api::LogLine> lines,
                  std::size_t max_bytes) override {
    ++calls_;
    inner_->append_log(key, token, std::move(lines), max_bytes);
  }
  void record_progress(api::TaskKey key, api::AttemptToken token, api::Progress progress) override {
    ++calls_;
    inner_->record_progress(key, token, std::move(progress));
  }
  void finish(storage::AttemptEnd end, storage::Done<storage::FinishOutcome> done) override {
    ++calls_;
    if (refuse(refuse_finishes)) return done(full());
    inner_->finish(std::move(end), std::move(done));
  }
  void stop_attempt(api::TaskKey key, api::AttemptToken token, api::StopCause cause,
                    storage::Done<storage::FinishOutcome> done) override {
    ++calls_;
    if (refuse(refuse_stops)) return done(full());
    inner_->stop_attempt(key, token, cause, std::move(done));
  }
  void cancel(api::TaskId id, std::string reason, storage::Done<storage::CancelOutcome> done) override {
    inner_->cancel(id, std::move(reason), std::move(done));
  }
  void cancel_private(api::TaskId id, std::string reason,
                      storage::Done<storage::CancelOutcome> done) override {
    inner_->cancel_private(id, std::move(reason), std::move(done));
  }
  void retry(storage::RetryOrder order, storage::Done<storage::RetryOutcome> done) override {
    inner_->retry(std::move(order), std::move(done));
  }
  void sweep(storage::Done<storage::SweepOutcome> done) override {
    ++calls_;
    if (refuse(refuse_sweeps)) return done(full());
    inner_->sweep(std::move(done));
  }
  void load_ready(storage::ReadyOrder order, storage::Done<std::vector<storage::ReadyTask>> done) override {
    ++calls_;
    if (refuse(refuse_loads)) return done(full());
    inner_->load_ready(std::move(order), std::move(done));
  }

  [[nodiscard]] storage::StoreResult<api::TaskSnapshotPtr> find(const api::TaskId& id) override {
    return inner_->find(id);
  }
  [[nodiscard]] storage::StoreResult<std::optional<api::TaskDetail>> find_detail(
      const api::TaskId& id) override {
    return inner_->find_detail(id);
  }
  [[nodiscard]] storage::StoreResult<std::optional<api::LogPage>> find_logs(const api::TaskId& id,
                                                                            std::int64_t after,
                                                                            std::size_t limit) override {
    return inner_->find_logs(id, after, limit);
  }
  [[nodiscard]] storage::StoreResult<api::TaskPage> list(const api::TaskQuery& query) override {
    return inner_->list(query);
  }
  [[nodiscard]] storage::StoreResult<std::vector<storage::OpenAttempt>> open_attempts() override {
    ++calls_;
    return inner_->open_attempts();
  }
  [[nodiscard]] storage::StoreResult<std::vector<storage::ReadyLane>> ready_lanes() override {
    ++calls_;
    return inner_->ready_lanes();
  }
  [[nodiscard]] storage::StateCounts counts() override { return inner_->counts(); }
  [[nodiscard]] storage::QueueCounts queue_counts() override { return inner_->queue_counts(); }
  [[nodiscard]] storage::StoreFigures figures() override { return inner_->figures(); }
  [[nodiscard]] storage::StoreResult<storage::StoredFigures> stored_figures(
      const std::vector<std::string>& queues) override {
    ++calls_;
    return inner_->stored_figures(queues);
  }
  [[nodiscard]] api::TaskSnapshotPtr recent(const api::TaskId& id) override { return inner_->recent(id); }
  [[nodiscard]] storage::Now now() const override { return inner_->now(); }
  [[nodiscard]] storage::Outbox& outbox() override { return inner_->outbox(); }
  [[nodiscard]] storage::Webhooks& webhooks() override { return inner_->webhooks(); }
  [[nodiscard]] storage::Retention& retention() override { return *this; }
  [[nodiscard]] storage::ResultCache& result_cache() override { return inner_->result_cache(); }

 private:
  void purge(storage::PurgeOrder order, storage::Done<storage::PurgeOutcome> done) override {
    if (on_purge) on_purge(order);
    inner_->retention().purge(order, [this, done = std::move(done)](auto outcome) {
      ++slices_removed;
      done(std::move(outcome));
    });
  }
  static bool refuse(std::atomic<int>& left) {
    if (left <= 0) return false;
    --left;
    return true;
  }
  static base::Failure<storage::StoreError> full() {
    return {{storage::StoreFault::storage_full, "no space left"}};
  }

  const std::unique_ptr<storage::Store> inner_;
  std::atomic<std::uint64_t> calls_ = 0;
  std::atomic<std::size_t> claims_asked_ = 0;
};

}  // namespace longhaul::tests
