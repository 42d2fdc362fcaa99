#include "server/routes/sync_start.h"

#include <string>
#include <utility>

#include "server/config/setting_value.h"
#include "server/routes/answers.h"

namespace longhaul::server {
namespace {

using storage::CancelOutcome;
using storage::CancelVerdict;
using storage::StoreResult;

constexpr std::chrono::seconds rest_before_another_try{1};

// "wait=2.5"
std::string preference_applied(base::Milliseconds wait) {
  return "wait=" + number_text(static_cast<double>(wait.count()) / 1000);
}

bool was_stopped(CancelVerdict verdict) {
  return verdict == CancelVerdict::cancelled_now || verdict == CancelVerdict::cancelling;
}

// Nobody waits for an answer any more, so a cancel that cannot be written yet is tried again.
void cancel_abandoned(const RouteContext& context, const api::TaskId& id) {
  context.store.cancel_private(id, "client_gone", [&context, id](const StoreResult<CancelOutcome>& outcome) {
    if (outcome) {
      if (was_stopped(outcome->verdict)) context.start_counters.cancelled_by_hang_up.add();
    } else if (outcome.error().fault != storage::StoreFault::unavailable) {
      context.server.post([&context, id] {
        context.server.call_at(end_of_wait(context, rest_before_another_try),
                               [&context, id] { cancel_abandoned(context, id); });
      });
    }
  });
}

}  // namespace

GoneFlag watch_hang_up(const Responder& responder) {
  auto gone = std::make_shared<bool>(false);
  responder.on_hang_up([gone] { *gone = true; });
  return gone;
}

void SyncStart::begin(StartedTask started) {
  started_ = std::move(started);
  if (gone_ && *gone_) {
    if (may_cancel()) cancel_abandoned(context_, started_.task->id);
    return;
  }
  if (api::is_final(started_.task->state)) return on_final(started_.task);
  if (terms_.wait.count() == 0) return answer(started_.task, Otherwise::accepted);
  wait_for_end();
}

void SyncStart::wait_for_end() {
  const api::TaskId id = started_.task->id;
  number_ = context_.waiting.wait(id, responder_, terms_.until,
                                  [self = shared_from_this()](const api::TaskSnapshotPtr& task) {
                                    if (task != nullptr) return self->on_final(task);
                                    self->on_end_of_wait();
                                  });
  // In the place of the hub's own, which only forgets.
  responder_.on_hang_up([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->on_hang_up();
  });
  // It may have ended between its start's commit and the beginning of the wait. Where that cannot be read,
  // the wait ends now.
  find_task(context_, id, [self = shared_from_this()](const auto& found) {
    if (!found) return self->context_.waiting.settle(self->number_, nullptr);
    if (*found != nullptr && api::is_final((*found)->state))
      self->context_.waiting.settle(self->number_, *found);
  });
}

void SyncStart::on_final(const api::TaskSnapshotPtr& task) { answer(task, Otherwise::final_status); }

void SyncStart::on_end_of_wait() {
  const bool time_is_up = context_.clock.boot() >= terms_.until;
  if (time_is_up) context_.start_counters.wait_timeouts.add();
  if (time_is_up && may_cancel()) return cancel_in_time();
  answer_present();
}

void SyncStart::on_hang_up() {
  context_.waiting.forget(number_);
  has_hung_up_ = true;
  if (may_cancel() && !is_cancelling_) cancel_abandoned(context_, started_.task->id);
}

void SyncStart::cancel_in_time() {
  is_cancelling_ = true;
  context_.store.cancel_private(
      started_.task->id, "wait_ended", [self = shared_from_this()](StoreResult<CancelOutcome> outcome) {
        self->context_.server.post([self, outcome = std::move(outcome)] { self->on_cancelled(outcome); });
      });
}

void SyncStart::on_cancelled(const StoreResult<CancelOutcome>& outcome) {
  if (!outcome) {
    if (has_hung_up_) return cancel_abandoned(context_, started_.task->id);
    api::Problem problem = to_problem(outcome.error());
    problem.task_id = started_.task->id;
    return responder_.send(problem);
  }
  switch (outcome->verdict) {
    case CancelVerdict::cancelled_now:
    case CancelVerdict::cancelling: return answer(outcome->task, Otherwise::timed_out);
    case CancelVerdict::already_cancelled:
    case CancelVerdict::already_final: return on_final(outcome->task);
    case CancelVerdict::shared: return answer(outcome->task, Otherwise::accepted);
    case CancelVerdict::unknown: break;
  }
  answer(started_.task, Otherwise::accepted);
}

// With the task as it is now; as it was, where that cannot be read.
void SyncStart::answer_present() {
  find_task(context_, started_.task->id, [self = shared_from_this()](const auto& found) {
    const api::TaskSnapshotPtr& task = found && *found != nullptr ? *found : self->started_.task;
    self->answer(task, api::is_final(task->state) ? Otherwise::final_status : Otherwise::accepted);
  });
}

void SyncStart::answer(const api::TaskSnapshotPtr& task, Otherwise otherwise) {
  if (!terms_.cache || task->state == api::TaskState::succeeded) return answer_with(task, otherwise, nullptr);
  const bool taken = context_.readers.try_post([self = shared_from_this(), task, otherwise] {
    self->answer_with(task, otherwise, self->find_kept());
  });
  if (!taken) answer_with(task, otherwise, nullptr);
}

storage::CachedResultPtr SyncStart::find_kept() const {
  const auto found = context_.store.result_cache().find_result(terms_.type, terms_.cache->key);
  if (!found || *found == nullptr || (*found)->age > terms_.cache->stale) return nullptr;
  return *found;
}

void SyncStart::answer_with(const api::TaskSnapshotPtr& task, Otherwise otherwise,
                            const storage::CachedResultPtr& kept) const {
  const StartedTask now{task, started_.origin};
  if (terms_.cache) {
    (kept ? context_.start_counters.stale_hits : context_.start_counters.misses).add();
  }
  if (kept) return responder_.send(stale_response(context_, now, *kept));
  switch (otherwise) {
    case Otherwise::timed_out: return responder_.send(task_timed_out_problem(*task));
    case Otherwise::accepted: return responder_.send(start_response(context_, 202, now));
    case Otherwise::final_status: break;
  }
  Response response = start_response(context_, 200, now);
  if (terms_.wait.count() > 0)
    response.headers.emplace_back("Preference-Applied", preference_applied(terms_.wait));
  responder_.send(std::move(response));
}

}  // namespace longhaul::server
