// What the dispatcher makes of what it is told.
#include <algorithm>
#include <cassert>
#include <utility>

#include "base/log.h"
#include "worker/attempt_end.h"
#include "worker/local_dispatcher.h"
#include "worker/retry_policy.h"
#include "worker/waiting_reason.h"

namespace longhaul::worker {
namespace {

// Beyond the longest grace of what runs: for the executor's own reaping and the last commits.
constexpr base::Milliseconds stop_margin{5'000};

}  // namespace

void LocalDispatcher::handle(Committed& message) {
  for (const storage::TaskChange& change : message.changes) {
    due_.note(*change.task);
    base::MutexLock lock(
        mutex_);  // for one change at a time, so that explain() never waits for a whole commit
    apply(change);
  }
}

void LocalDispatcher::apply(const storage::TaskChange& change) {
  const api::TaskSnapshot& task = *change.task;
  if (change.from == api::TaskState::queued && task.state != api::TaskState::queued) {
    ready_.remove(task.queue, task.type, ready_task_of(task));
  }
  switch (task.state) {
    case api::TaskState::running:
      if (TaskTypePtr type = ready_.type_of_taken(task.key)) attempts_.add(task, std::move(type));
      return;
    case api::TaskState::cancelling: note_cancelling(task); return;
    case api::TaskState::queued:
      note_left_attempt(change);
      ready_.insert(task.queue, task.type, ready_task_of(task));
      return;
    case api::TaskState::scheduled:
    case api::TaskState::paused:
    case api::TaskState::succeeded:
    case api::TaskState::failed:
    case api::TaskState::cancelled:
    case api::TaskState::timed_out: note_left_attempt(change); return;
  }
}

void LocalDispatcher::note_cancelling(const api::TaskSnapshot& task) {
  Attempt* attempt = attempts_.find(task.key, task.token);
  if (attempt == nullptr || attempt->phase == AttemptPhase::ending) return;
  attempt->stop_cause = task.stop_cause;
  tell_to_stop(*attempt, AttemptPhase::cancelling);
}

// The end of an attempt is committed: only now its slot is free.
void LocalDispatcher::note_left_attempt(const storage::TaskChange& change) {
  if (!change.from || !api::is_active(*change.from)) return;
  const Attempt* attempt = attempts_.find(change.task->key, change.task->token);
  if (attempt == nullptr) return;
  forget(*attempt);
  pause_.worked();
}

void LocalDispatcher::forget(const Attempt& attempt) {
  capacity_.release(attempt.queue, *attempt.type);
  attempts_.erase(attempt);
}

void LocalDispatcher::handle(ClaimAnswered& message) {
  --claims_in_flight_;
  const base::BootTime now = options_.clock->boot();
  if (!message.outcome) {
    pause_.failed(now, message.outcome.error());
    base::MutexLock lock(mutex_);
    for (const ReadyQueue::Taken& order : message.orders) give_up_claim(order, ReadyQueue::Answer::failed);
    return;
  }
  assert(message.outcome->size() == message.orders.size());
  for (std::size_t i = 0; i < message.orders.size(); ++i) {
    std::optional<storage::Claimed>& claimed = (*message.outcome)[i];
    base::MutexLock lock(mutex_);
    if (claimed) {
      ready_.settle(message.orders[i].task.key, ReadyQueue::Answer::claimed);
      begin(std::move(*claimed), now);
    } else {
      give_up_claim(message.orders[i], ReadyQueue::Answer::not_queued);
    }
  }
}

void LocalDispatcher::give_up_claim(const ReadyQueue::Taken& order, ReadyQueue::Answer answer) {
  ready_.settle(order.task.key, answer);
  capacity_.release(order.queue, *order.type);
}

void LocalDispatcher::begin(storage::Claimed claimed, base::BootTime now) {
  const api::TaskSnapshot& task = *claimed.task;
  Attempt* attempt = attempts_.find(task.key, task.token);
  assert(attempt != nullptr && "the claim's change comes before its answer");
  pause_.worked();
  if (stopping_ || attempt->phase == AttemptPhase::cancelling) {
    write_end(*attempt, end_unbegun(*attempt));
    return;
  }
  attempt->phase = AttemptPhase::running;
  if (attempt->timeout) attempts_.set_timeout(*attempt, now + *attempt->timeout);
  orders_.begins.emplace_back(
      executor_of(*attempt->type),
      AttemptOrder{task.key, task.id, task.token, task.attempt, attempt->type, std::move(claimed.payload),
                   task.deadline_at, std::move(claimed.traceparent)});
}

// Into `phase`, and out of its executor if it is in one.
void LocalDispatcher::tell_to_stop(Attempt& attempt, AttemptPhase phase) {
  if (attempt.phase != AttemptPhase::claimed) {
    orders_.stops.emplace_back(executor_of(*attempt.type), attempt.token);
  }
  attempts_.clear_timeout(attempt);
  attempt.phase = phase;
}

void LocalDispatcher::handle(AttemptReported& message) {
  base::MutexLock lock(mutex_);
  Attempt* attempt = attempts_.find(message.report.key, message.report.token);
  if (attempt == nullptr || attempt->phase == AttemptPhase::ending || attempt->phase == AttemptPhase::claimed)
    return;
  write_end(*attempt, end_of(*attempt, std::move(message.report), backoff_of(*attempt)));
}

void LocalDispatcher::write_end(Attempt& attempt, storage::AttemptEnd end) {
  attempts_.clear_timeout(attempt);
  attempt.phase = AttemptPhase::ending;
  attempt.end = end;  // until it is committed: the store may refuse it a few times
  orders_.ends.push_back(std::move(end));
}

base::Milliseconds LocalDispatcher::backoff_of(const Attempt& attempt) {
  return retry_delay({attempt.type->retry_base, attempt.type->retry_cap}, attempt.attempt, options_.random());
}

void LocalDispatcher::handle(EndNotApplied& message) {
  if (message.error) {
    pause_.failed(options_.clock->boot(), *message.error);
    owed_ends_.emplace_back(message.key, message.token);
    return;
  }
  base::MutexLock lock(mutex_);
  const Attempt* attempt = attempts_.find(message.key, message.token);
  if (attempt == nullptr) return;
  base::log_warning("the end of an attempt was refused, for it is not the current one",
                    {{"task_id", attempt->id.text()}});
  forget(*attempt);
}

void LocalDispatcher::handle(StopNotApplied& message) {
  if (!message.error) return;  // it has ended, or is being cancelled: the change has come or will
  const base::BootTime now = options_.clock->boot();
  pause_.failed(now, *message.error);
  base::MutexLock lock(mutex_);
  Attempt* attempt = attempts_.find(message.key, message.token);
  if (attempt == nullptr || attempt->phase != AttemptPhase::last_timeout) return;
  attempt->phase = AttemptPhase::running;
  if (stopping_) {
    tell_to_stop(*attempt, AttemptPhase::releasing);
  } else {
    attempts_.set_timeout(*attempt, pause_.until().value_or(now));  // tried again when the pause is over
  }
}

void LocalDispatcher::handle(SweepAnswered& message) {
  sweep_in_flight_ = false;
  if (!message.outcome) {
    pause_.failed(options_.clock->boot(), message.outcome.error());
    return;
  }
  due_.swept(*message.outcome);
  sweep_wanted_ = message.outcome->more;
}

void LocalDispatcher::handle(RefillAnswered& message) {
  if (!message.loaded) pause_.failed(options_.clock->boot(), message.loaded.error());
  base::MutexLock lock(mutex_);
  if (message.loaded) {
    ready_.refilled(message.order, *message.loaded);
  } else {
    ready_.refill_failed(message.order);
  }
}

void LocalDispatcher::handle(TypesChanged& message) {
  base::MutexLock lock(mutex_);
  capacity_.set_types(std::move(message.types));
}

void LocalDispatcher::handle(DrainAsked& message) {
  draining_ = true;
  drained_ = std::move(message.drained);
}

void LocalDispatcher::handle(StopAsked&) {
  stopping_ = true;
  drained_ = nullptr;
  base::Milliseconds longest_grace{0};
  base::MutexLock lock(mutex_);
  for (Attempt* attempt : attempts_.all()) {
    longest_grace = std::max(longest_grace, attempt->type->grace);
    if (attempt->phase == AttemptPhase::running) tell_to_stop(*attempt, AttemptPhase::releasing);
  }
  stop_deadline_ = options_.clock->boot() + longest_grace + stop_margin;
}

}  // namespace longhaul::worker
