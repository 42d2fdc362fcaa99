#include "worker/retention.h"

#include <algorithm>
#include <cassert>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/mutex.h"
#include "base/start_thread.h"
#include "worker/alarm.h"
#include "worker/store_pause.h"

namespace longhaul::worker {
namespace {

using storage::PurgeOutcome;
using storage::StoreResult;

template <class Time>
void bring_forward(std::optional<Time>& time, Time to) {
  if (!time || to < *time) time = to;
}

// What other threads leave for the service's own. The store's answers may come when the service is gone.
class Mailbox {
 public:
  [[nodiscard]] base::Result<void> open(bool system_timers) { return alarm.open(system_timers); }

  void answer(StoreResult<PurgeOutcome> outcome) EXCLUDES(mutex_) {
    {
      const base::MutexLock lock(mutex_);
      answer_ = std::move(outcome);
    }
    alarm.ring();
  }
  [[nodiscard]] std::optional<StoreResult<PurgeOutcome>> take_answer() EXCLUDES(mutex_) {
    const base::MutexLock lock(mutex_);
    return std::exchange(answer_, std::nullopt);
  }

  Alarm alarm;  // ring() by others

 private:
  base::Mutex mutex_;
  std::optional<StoreResult<PurgeOutcome>> answer_ GUARDED_BY(mutex_);
};

class LocalRetention final : public RetentionService {
 public:
  explicit LocalRetention(RetentionOptions options)
      : options_(options), mailbox_(std::make_shared<Mailbox>()), limits_(options.limits) {
    assert(options_.store != nullptr && options_.clock != nullptr);
  }
  ~LocalRetention() override {
    if (thread_.joinable()) stop();
  }

  [[nodiscard]] std::string_view name() const override { return "retention"; }
  [[nodiscard]] base::Result<void> start() override {
    if (auto opened = mailbox_->open(options_.system_timers); !opened) return opened;
    {
      const base::MutexLock lock(mutex_);
      is_open_ = true;
      due_ = options_.clock->wall();  // what came to be past its time while no server ran
    }
    auto thread = base::start_thread("retention", [this] { run(); });
    if (!thread) return base::fail(thread.error().message);
    thread_ = std::move(*thread);
    return {};
  }
  void stop() override {
    {
      const base::MutexLock lock(mutex_);
      is_open_ = false;
    }
    mailbox_->alarm.ring();
    thread_.join();
  }
  void set_limits(const storage::RetentionLimits& limits) override {
    {
      const base::MutexLock lock(mutex_);
      limits_ = limits;
      due_ = options_.clock->wall();  // a round by the new ones, behind the one that may be under way
      is_hurried_ = true;
    }
    mailbox_->alarm.ring();
  }
  void clock_changed() override { mailbox_->alarm.ring(); }

  void on_committed(std::span<const storage::TaskChange> changes) override {
    bool is_sooner = false;
    {
      const base::MutexLock lock(mutex_);
      if (!is_open_) return;
      others_wrote_ = options_.clock->boot();
      const auto due_before = due_;
      for (const storage::TaskChange& change : changes) note(*change.task);
      is_sooner = due_ != due_before;
      const auto look_before = look_;
      if (limits_.max_bytes) bring_forward(look_, *others_wrote_ + size_rest);
      is_sooner = is_sooner || look_ != look_before;
    }
    if (is_sooner) mailbox_->alarm.ring();
  }
  void on_results_kept(base::SteadyTime first_expiry) override {
    const base::BootTime at = boot_time_of(first_expiry);
    {
      const base::MutexLock lock(mutex_);
      if (!is_open_ || (look_ && *look_ <= at)) return;
      look_ = at;
    }
    mailbox_->alarm.ring();
  }

 private:
  [[nodiscard]] base::BootTime boot_time_of(base::SteadyTime time) const {
    return options_.clock->boot() + (time - options_.store->now().steady);
  }
  void note(const api::TaskSnapshot& task) REQUIRES(mutex_) {
    if (!task.finished_at) return;
    for (std::size_t i = 0; i < storage::final_states.size(); ++i) {
      const auto keep = limits_.keep[i];
      if (storage::final_states[i] == task.state && keep) bring_forward(due_, *task.finished_at + *keep);
    }
  }

  void run() {
    while (turn()) mailbox_->alarm.wait();
  }

  // False: it is to stop.
  bool turn() {
    if (auto answer = mailbox_->take_answer()) take(std::move(*answer));
    const base::BootTime now = options_.clock->boot();
    (void)pause_.take_end(now);
    const base::MutexLock lock(mutex_);
    if (!is_open_) return false;
    if (!in_flight_ && !pause_.active() && is_due(now)) order_slice();
    arm(now);
    return true;
  }

  [[nodiscard]] bool is_due(base::BootTime now) const REQUIRES(mutex_) {
    if (position_) return !rest_ || *rest_ <= now;
    if (now < earliest_ && !is_hurried_) return false;
    return (due_ && *due_ <= options_.clock->wall()) || (look_ && *look_ <= now);
  }

  void order_slice() REQUIRES(mutex_) {
    slice_began_ = options_.clock->boot();
    if (!position_) {  // a new round sees all that there is; what comes after is noted anew
      round_began_ = slice_began_;
      round_took_ = {};
      earliest_ = round_began_ + round_rest;
      is_hurried_ = false;
      due_.reset();
      look_.reset();
      held_back_ = false;
    }
    in_flight_ = true;
    rest_.reset();
    options_.store->retention().purge(
        {limits_, position_, others_work()},
        [mailbox = mailbox_](StoreResult<PurgeOutcome> outcome) { mailbox->answer(std::move(outcome)); });
  }

  [[nodiscard]] bool others_work() const REQUIRES(mutex_) {
    return others_wrote_ && *others_wrote_ + others_are_seen_for > options_.clock->boot();
  }

  void take(StoreResult<PurgeOutcome> answer) EXCLUDES(mutex_) {
    in_flight_ = false;
    round_took_ += options_.clock->boot() - slice_began_;
    if (!answer) {
      pause_.failed(options_.clock->boot(), answer.error());
      const base::MutexLock lock(mutex_);
      if (!position_) due_ = options_.clock->wall();  // the round is still to begin
      return;
    }
    pause_.worked();
    position_ = answer->position;
    held_back_ = held_back_ || answer->held_back > 0;
    removed_ += answer->tasks;
    if (position_) {
      const base::MutexLock lock(mutex_);
      const base::BootTime now = options_.clock->boot();
      if (others_work() && now < round_began_ + gentle_for) rest_ = now + gentle_rest;
      return;
    }
    if (removed_ > 0) base::log_debug("tasks past their retention are removed", {{"tasks", removed_}});
    removed_ = 0;
    const base::MutexLock lock(mutex_);
    if (answer->next) bring_forward(due_, *answer->next);
    if (answer->next_expiry) bring_forward(look_, boot_time_of(*answer->next_expiry));
    if (!held_back_) return;
    const base::BootTime now = options_.clock->boot();
    bring_forward(look_, now + held_back_rest);
    earliest_ = std::max(earliest_, now + held_back_share * round_took_);
  }

  void arm(base::BootTime now) REQUIRES(mutex_) {
    std::optional<base::BootTime> boot = pause_.until();
    std::optional<base::WallTime> wall;
    if (!in_flight_ && !pause_.active()) {
      boot = position_ ? rest_ : look_;
      if (!position_) wall = due_;
    }
    if (!in_flight_ && !pause_.active() && !position_ && now < earliest_) {
      if (boot) boot = std::max(*boot, earliest_);
      if (wall && *wall <= options_.clock->wall()) {  // its moment is past; the rest is not
        wall.reset();
        bring_forward(boot, earliest_);
      }
    }
    mailbox_->alarm.arm(boot, wall);
  }

  const RetentionOptions options_;
  const std::shared_ptr<Mailbox> mailbox_;
  std::thread thread_;

  // The service's own thread alone.
  std::optional<storage::PurgePosition> position_;  // of the round under way
  bool in_flight_ = false;
  bool held_back_ = false;
  base::BootTime round_began_;
  base::BootTime slice_began_;
  base::BootTime::duration round_took_{};  // its slices, without the rests between them
  std::int64_t removed_ = 0;               // by this round
  std::optional<base::BootTime> rest_;     // until the next slice
  StorePause pause_;

  base::Mutex mutex_;
  storage::RetentionLimits limits_ GUARDED_BY(mutex_);
  bool is_open_ GUARDED_BY(mutex_) = false;
  std::optional<base::WallTime> due_ GUARDED_BY(mutex_);  // the next round, by age
  std::optional<base::BootTime> look_
      GUARDED_BY(mutex_);                       // by size, for those held back, for results that expire
  base::BootTime earliest_ GUARDED_BY(mutex_);  // no round before, unless it is hurried
  bool is_hurried_ GUARDED_BY(mutex_) = false;  // by new limits
  std::optional<base::BootTime> others_wrote_ GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<RetentionService> make_retention(RetentionOptions options) {
  return std::make_unique<LocalRetention>(options);
}

}  // namespace longhaul::worker
