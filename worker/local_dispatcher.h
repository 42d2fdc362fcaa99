// The dispatcher of one server. One thread decides, from what comes into its inbox (inbox.h); each turn of it
//   1. takes in what came: committed changes, answers of the store, reports of executors;
//   2. looks at the clock: timeouts, due sweeps, the end of a pause;
//   3. decides what to order: claims as there is room, refills of the ready queue;
//   4. carries it out, holding no lock.
// Its parts are in local_dispatcher.cc (life and turns), _inbox.cc (1), _orders.cc (2 to 4).
#pragma once

#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "worker/attempt_table.h"
#include "worker/capacity.h"
#include "worker/dispatcher.h"
#include "worker/due_times.h"
#include "worker/inbox.h"
#include "worker/ready_queue.h"
#include "worker/store_pause.h"

namespace longhaul::worker {

class LocalDispatcher final : public Dispatcher {
 public:
  explicit LocalDispatcher(DispatcherOptions options);
  ~LocalDispatcher() override;

  [[nodiscard]] std::string_view name() const override { return "dispatcher"; }
  [[nodiscard]] base::Result<void> start() override;
  void stop() override;

  void set_executors(Executor* threads, Executor* commands) override;
  [[nodiscard]] std::optional<api::WaitingFor> explain(const api::TaskSnapshot& task) override
      EXCLUDES(mutex_);
  [[nodiscard]] Load load_of_queue(std::string_view queue) override EXCLUDES(mutex_);
  [[nodiscard]] Load load_of_type(std::string_view type) override EXCLUDES(mutex_);
  void change_types(TaskTypesPtr types) override { inbox_->push(TypesChanged{std::move(types)}); }
  void drain(std::function<void()> drained) override { inbox_->push(DrainAsked{std::move(drained)}); }
  void clock_changed() override { inbox_->push(ClockChanged{}); }

  void on_committed(std::span<const storage::TaskChange> changes) override;

  void on_process(api::TaskKey key, api::AttemptToken token, storage::ProcessIdentity process) override;
  void on_log(api::TaskKey key, api::AttemptToken token, std::vector<api::LogLine> lines) override
      EXCLUDES(mutex_);
  void on_progress(api::TaskKey key, api::AttemptToken token, api::Progress progress) override;
  void on_finished(AttemptReport report) override { inbox_->push(AttemptReported{std::move(report)}); }

 private:
  // What one turn has decided and carries out at its end.
  struct Orders {
    std::vector<std::pair<Executor*, AttemptOrder>> begins;
    std::vector<std::pair<Executor*, api::AttemptToken>> stops;
    std::vector<storage::AttemptEnd> ends;
    std::vector<std::pair<api::TaskKey, api::AttemptToken>> last_timeouts;
    bool sweep = false;
    std::vector<storage::ReadyOrder> refills;
    std::vector<ReadyQueue::Taken> claims;
  };

  // Life.
  [[nodiscard]] base::Result<void> load_ready_lanes() EXCLUDES(mutex_);
  void run();
  void turn(std::vector<Message>& messages);
  void arm_alarm() EXCLUDES(mutex_);
  [[nodiscard]] bool holds_nothing() EXCLUDES(mutex_);
  [[nodiscard]] bool is_done() EXCLUDES(mutex_);

  // 1. What came in.
  void handle(Committed& message);
  void handle(ClaimAnswered& message);
  void handle(AttemptReported& message) EXCLUDES(mutex_);
  void handle(EndNotApplied& message) EXCLUDES(mutex_);
  void handle(StopNotApplied& message) EXCLUDES(mutex_);
  void handle(SweepAnswered& message);
  void handle(RefillAnswered& message) EXCLUDES(mutex_);
  void handle(ClockChanged&) {}  // every turn looks at the clock
  void handle(TypesChanged& message) EXCLUDES(mutex_);
  void handle(DrainAsked& message);
  void handle(StopAsked& message) EXCLUDES(mutex_);
  void apply(const storage::TaskChange& change) REQUIRES(mutex_);
  void note_cancelling(const api::TaskSnapshot& task) REQUIRES(mutex_);
  void note_left_attempt(const storage::TaskChange& change) REQUIRES(mutex_);
  void begin(storage::Claimed claimed, base::BootTime now) REQUIRES(mutex_);
  void give_up_claim(const ReadyQueue::Taken& order, ReadyQueue::Answer answer) REQUIRES(mutex_);
  void tell_to_stop(Attempt& attempt, AttemptPhase phase) REQUIRES(mutex_);
  void write_end(Attempt& attempt, storage::AttemptEnd end) REQUIRES(mutex_);
  void forget(const Attempt& attempt) REQUIRES(mutex_);

  // 2. to 4.
  void fire_timeouts(base::BootTime now) EXCLUDES(mutex_);
  void order_owed_ends() EXCLUDES(mutex_);
  void order_refills() EXCLUDES(mutex_);
  void order_claims() EXCLUDES(mutex_);
  void carry_out();
  void post_end(storage::AttemptEnd end);
  void post_stop(api::TaskKey key, api::AttemptToken token);
  void post_sweep();
  void post_refill(const storage::ReadyOrder& order,
                   std::function<void(std::optional<storage::StoreError>)> told);
  void post_claims();

  [[nodiscard]] Executor* executor_of(const TaskType& type) const;
  [[nodiscard]] base::Milliseconds backoff_of(const Attempt& attempt);

  DispatcherOptions options_;
  std::shared_ptr<Inbox> inbox_;  // shared with the callbacks that the store still holds when we go
  std::thread thread_;

  // Of the dispatcher's thread alone.
  DueTimes due_;
  StorePause pause_;
  Orders orders_;
  // Refused by the store, to be written later.
  std::vector<std::pair<api::TaskKey, api::AttemptToken>> owed_ends_;
  std::size_t claims_in_flight_ = 0;
  bool sweep_in_flight_ = false;
  bool sweep_wanted_ = false;  // the last slice was full
  bool draining_ = false;
  std::function<void()> drained_;  // to be told; none once it was
  bool stopping_ = false;
  base::BootTime stop_deadline_{};

  // Also read by explain(), load_of_*() and on_log(). Held for single steps only, never while calling out.
  base::Mutex mutex_;
  ReadyQueue ready_ GUARDED_BY(mutex_);
  Capacity capacity_ GUARDED_BY(mutex_);
  AttemptTable attempts_ GUARDED_BY(mutex_);
};

}  // namespace longhaul::worker
