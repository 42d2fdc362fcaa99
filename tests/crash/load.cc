#include "tests/crash/load.h"

#include <string>

namespace longhaul::tests {

using namespace storage;  // NOLINT: tests speak the store's language
using api::AttemptOutcome;

void Load::begin(int lives) {
  // From the first answer on the dice are the writer's.
  std::vector<NewTask> orders;
  orders.reserve(static_cast<std::size_t>(lives));
  for (int i = 0; i < lives; ++i) orders.push_back(order());
  for (NewTask& task : orders) {
    store_.enqueue(std::move(task), [this](const StoreResult<EnqueueOutcome>& result) {
      if (result.ok()) go_on(result->task);
    });
  }
}

NewTask Load::order() {
  NewTask task;
  const Now now = store_.now();
  task.id = TaskId::make(now.wall.time_since_epoch(), static_cast<std::uint16_t>(next_id_ & 0xFFF), next_id_);
  ++next_id_;
  task.type = "work";
  task.queue = "default";
  task.payload = RawJson{'"' + std::string(random_() % 8 == 0 ? 9'000 : 40, 'p') + '"'};
  task.created_at = task.run_at = now.wall;
  task.max_attempts = static_cast<int>(1 + random_() % 3);
  if (random_() % 4 == 0) task.tags = {{"name", "value"}};
  if (random_() % 4 == 0) task.idempotency = IdempotencyBinding{"scope", std::to_string(next_id_), "hash"};
  if (random_() % 8 == 0) task.due = api::Due(now.steady);
  if (random_() % 3 == 0) {
    task.callback = api::Callback{"https://receiver.example/hook"};
    if (random_() % 2 == 0) task.callback->events.insert(api::WebhookEvent::task_started);
  }
  ledger_.asked_for(task.id);
  return task;
}

void Load::start_one() {
  store_.enqueue(order(), [this](const StoreResult<EnqueueOutcome>& result) {
    if (result.ok()) go_on(result->task);
  });
}

void Load::go_on(const Snapshot& task) {
  ledger_.answered(task);
  switch (task->state) {
    case TaskState::scheduled: return chance(10) ? cancel(task) : sweep(task);
    case TaskState::queued: return chance(10) ? cancel(task) : claim(task);
    case TaskState::running: return run(task);
    case TaskState::cancelling: return finish(task);
    default: return end(task);
  }
}

void Load::on_deliveries(std::span<const OwedDelivery> deliveries) {
  // No dice: begin() may be throwing them on another thread.
  static constexpr api::DeliveryStatus endings[] = {
      api::DeliveryStatus::delivered, api::DeliveryStatus::exhausted, api::DeliveryStatus::pending};
  for (const OwedDelivery& owed : deliveries) {
    DeliveryReport report;
    report.key = owed.key;
    report.status = endings[static_cast<std::size_t>(owed.key.get()) % std::size(endings)];
    if (report.status == api::DeliveryStatus::exhausted) report.exhausted = api::ExhaustedCause::attempts;
    report.attempt.emplace().response_body = "an answer";
    const auto status = report.status;
    store_.outbox().record_deliveries(
        {std::move(report)},
        [this, id = owed.id, status](const StoreResult<std::vector<std::optional<DeliveryStanding>>>& noted) {
          if (noted.ok() && noted->front()) ledger_.noted(id, status);
        });
  }
}

void Load::claim(const Snapshot& task) {
  store_.claim({{task->key, "worker"}}, [this, task](const StoreResult<ClaimOutcome>& result) {
    if (!result.ok()) return;
    const auto& claimed = result->at(0);
    if (claimed) {
      go_on(claimed->task);
    } else {
      start_one();
    }
  });
}

void Load::run(const Snapshot& task) {
  if (chance(30)) store_.record_process(task->key, task->token, {7, 8, "boot"});
  if (chance(30)) store_.append_log(task->key, task->token, {{0, {}, "stderr", "a line"}}, 100'000);
  if (chance(30)) store_.record_progress(task->key, task->token, {50.0, "half", {}});
  if (chance(10)) return cancel(task);
  if (!chance(10)) return finish(task);
  store_.stop_attempt(task->key, task->token, api::StopCause::timeout,
                      [this](const StoreResult<FinishOutcome>& result) {
                        if (result.ok()) go_on(result->task);
                      });
}

void Load::finish(const Snapshot& task) {
  static constexpr AttemptOutcome outcomes[] = {AttemptOutcome::succeeded, AttemptOutcome::succeeded,
                                                AttemptOutcome::failed,    AttemptOutcome::lost,
                                                AttemptOutcome::timed_out, AttemptOutcome::released};
  AttemptEnd end;
  end.key = task->key;
  end.token = task->token;
  end.outcome = outcomes[random_() % std::size(outcomes)];
  if (end.outcome == AttemptOutcome::succeeded)
    end.result = RawJson{'"' + std::string(random_() % 3'000, 'r') + '"'};
  store_.finish(std::move(end), [this](const StoreResult<FinishOutcome>& result) {
    if (result.ok()) go_on(result->task);
  });
}

void Load::cancel(const Snapshot& task) {
  store_.cancel(task->id, "by chance", [this](const StoreResult<CancelOutcome>& result) {
    if (result.ok()) go_on(result->task);
  });
}

// The sweep does not tell what it has done; the task is looked for with a claim.
void Load::sweep(const Snapshot& task) {
  store_.sweep([this, task](const StoreResult<SweepOutcome>& result) {
    if (result.ok()) claim(task);
  });
}

void Load::end(const Snapshot& task) {
  if (task->state == TaskState::succeeded || !chance(20)) return start_one();
  store_.retry({task->id, {}, {}}, [this](const StoreResult<RetryOutcome>& result) {
    if (result.ok()) go_on(result->task);
  });
}

}  // namespace longhaul::tests
