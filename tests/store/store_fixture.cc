#include "tests/store/store_fixture.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

#include "api/task_error.h"
#include "api/task_json.h"

namespace longhaul::tests {
namespace {

std::string describe(const std::optional<api::Due>& due) {
  if (!due) return "-";
  if (const auto* wall = std::get_if<WallTime>(&*due))
    return "wall " + std::to_string(wall->time_since_epoch().count());
  return "steady " + std::to_string(std::get<SteadyTime>(*due).time_since_epoch().count());
}

template <class T>
T value_of(StoreResult<T> result) {
  if (!result.ok()) FAIL("the store refused: " << result.error().message);
  return std::move(result).value();
}

bool table_allows(TaskState from, TaskState to) {
  return std::ranges::any_of(api::transitions(),
                             [&](const auto& row) { return row.from == from && row.to == to; });
}

}  // namespace

std::string describe(const TaskSnapshot& task) {
  std::ostringstream text;
  text << api::status_json(task, std::nullopt) << " key " << task.key.get() << " token " << task.token.get()
       << " timeout " << (task.timeout ? task.timeout->count() : -1) << " due " << describe(task.due)
       << " deadline " << describe(task.deadline) << " expiry " << describe(task.expiry) << " cause "
       << (task.stop_cause ? static_cast<int>(*task.stop_cause) : -1) << " reason "
       << task.stop_reason.value_or("-") << " priority " << task.priority << " callback events "
       << task.callback_events.bits() << " private " << task.is_private << " fills cache "
       << task.fills_cache;
  return text.str();
}

void ChangeRecorder::on_committed(std::span<const TaskChange> changes) {
  const base::MutexLock lock(mutex_);
  ++commits_;
  for (const TaskChange& change : changes) {
    check(change);
    last_[change.task->key] = change.task;
    changes_.push_back(change);
  }
}

void ChangeRecorder::check(const TaskChange& change) {
  const auto known = last_.find(change.task->key);
  const std::string what = describe(*change.task);
  if (!change.from) {
    if (known != last_.end()) faults_.push_back("told of as new, but known: " + what);
    if (change.task->revision != 1) faults_.push_back("new, but not revision 1: " + what);
    return;
  }
  if (!table_allows(*change.from, change.task->state)) {
    faults_.push_back("from " + std::string(api::to_text(*change.from)) +
                      ", which the table does not allow: " + what);
  }
  const bool leaves_attempt = api::is_active(*change.from) && !api::is_active(change.task->state);
  if (change.ended.has_value() != leaves_attempt)
    faults_.push_back("it says wrongly whether an attempt ended: " + what);
  if (change.is_first_claim && change.task->state != TaskState::running)
    faults_.push_back("a claim, and not running: " + what);
  if (known == last_.end()) return;
  if (known->second->state != *change.from) faults_.push_back("it did not come from there: " + what);
  if (known->second->revision + 1 != change.task->revision)
    faults_.push_back("the revision did not grow by one: " + what);
}

std::vector<TaskChange> ChangeRecorder::take() {
  const base::MutexLock lock(mutex_);
  return std::exchange(changes_, {});
}
void ChangeRecorder::on_deliveries(std::span<const OwedDelivery> deliveries) {
  const base::MutexLock lock(mutex_);
  if (deliveries.empty()) faults_.push_back("told of no deliveries");
  deliveries_.insert(deliveries_.end(), deliveries.begin(), deliveries.end());
}
void ChangeRecorder::on_webhooks_changed() {
  const base::MutexLock lock(mutex_);
  ++webhook_changes_;
}

void ChangeRecorder::on_deliveries_tried(std::span<const TriedDelivery> tried) {
  const base::MutexLock lock(mutex_);
  if (tried.empty()) faults_.push_back("told of no attempts to deliver");
  tried_.insert(tried_.end(), tried.begin(), tried.end());
}
void ChangeRecorder::on_noted(std::span<const NotedTask> noted) {
  const base::MutexLock lock(mutex_);
  if (noted.empty()) faults_.push_back("told of nothing noted");
  for (const NotedTask& one : noted) {
    const std::string what = describe(*one.task);
    if (!one.has_progress && one.log_lines == 0) faults_.push_back("noted, but nothing of it: " + what);
    const auto known = last_.find(one.task->key);
    if (known != last_.end() && known->second->revision != one.task->revision)
      faults_.push_back("noted with another revision than was told last: " + what);
    noted_.push_back(one);
  }
}
std::vector<NotedTask> ChangeRecorder::take_noted() {
  const base::MutexLock lock(mutex_);
  return std::exchange(noted_, {});
}
int ChangeRecorder::take_webhook_changes() {
  const base::MutexLock lock(mutex_);
  return std::exchange(webhook_changes_, 0);
}

std::vector<TriedDelivery> ChangeRecorder::take_tried() {
  const base::MutexLock lock(mutex_);
  return std::exchange(tried_, {});
}
std::vector<OwedDelivery> ChangeRecorder::take_deliveries() {
  const base::MutexLock lock(mutex_);
  return std::exchange(deliveries_, {});
}
std::vector<std::string> ChangeRecorder::faults() {
  const base::MutexLock lock(mutex_);
  return faults_;
}
void ChangeRecorder::forget_gone(Store& store) {
  const base::MutexLock lock(mutex_);
  std::erase_if(last_, [&](const auto& entry) { return value_of(store.find(entry.second->id)) == nullptr; });
}
std::size_t ChangeRecorder::commits() {
  const base::MutexLock lock(mutex_);
  return commits_;
}

StoreFixture::StoreFixture(std::unique_ptr<StoreEngine> engine, std::size_t max_waiting_starts)
    : engine_(std::move(engine)), max_waiting_starts_(max_waiting_starts) {
  open("boot-1");
}

StoreFixture::~StoreFixture() {
  check_memory_against_database();
  for (const std::string& fault : recorder_.faults()) FAIL_CHECK(fault);
  store_->stop();
}

void StoreFixture::open(const std::string& boot_id) {
  auto opened = engine_->open({&clock, boot_id, max_waiting_starts_});
  if (!opened) FAIL("cannot open the store: " << opened.error().message);
  store_ = std::move(*opened);
  store_->add_observer(&recorder_);
  REQUIRE(store_->start());
}

void StoreFixture::reopen(const std::string& boot_id) {
  check_memory_against_database();
  store_->stop();
  store_.reset();
  open(boot_id);
  recorder_.forget_gone(*store_);
}

void StoreFixture::check_memory_against_database() {
  StateCounts counted;
  for (const TaskId& id : ids_) {
    const TaskSnapshotPtr stored = value_of(store_->find(id));
    if (!stored) continue;
    const TaskSnapshotPtr recent = store_->recent(id);
    if (recent) CHECK(describe(*recent) == describe(*stored));
    ++counted.by_state[stored->state];
  }
  if (makes_its_own_ids) return;
  for (const auto& [state, count] : store_->counts().by_state) CHECK(count == counted.by_state[state]);
}

TaskId StoreFixture::next_id() {
  const auto now = clock.wall().time_since_epoch();
  const TaskId id = TaskId::make(now, static_cast<std::uint16_t>(next_id_ & 0xFFF), next_id_);
  ++next_id_;
  ids_.push_back(id);
  return id;
}

NewTask StoreFixture::order() {
  NewTask task;
  task.id = next_id();
  task.type = "work";
  task.payload = RawJson{R"({"n":1.50})"};
  task.queue = "default";
  task.created_at = clock.wall();
  task.run_at = clock.wall();
  return task;
}

EnqueueOutcome StoreFixture::enqueue(NewTask task) {
  Answer<EnqueueOutcome> answer;
  store_->enqueue(std::move(task), answer.done());
  return value_of(answer.wait());
}

std::optional<Claimed> StoreFixture::claim(const TaskSnapshotPtr& task) {
  Answer<ClaimOutcome> answer;
  store_->claim({{task->key, "local"}}, answer.done());
  return value_of(answer.wait()).at(0);
}

AttemptEnd StoreFixture::end_of(const TaskSnapshotPtr& running, AttemptOutcome outcome) {
  AttemptEnd end;
  end.key = running->key;
  end.token = running->token;
  end.outcome = outcome;
  if (outcome == AttemptOutcome::succeeded) {
    end.result = RawJson{R"({"done":true})"};
  } else {
    end.error = api::TaskError{};
    end.error->code = outcome == AttemptOutcome::lost ? "WORKER_LOST" : "EXIT_CODE";
    end.error->message = "it went wrong";
  }
  return end;
}

FinishOutcome StoreFixture::finish(AttemptEnd end) {
  Answer<FinishOutcome> answer;
  store_->finish(std::move(end), answer.done());
  return value_of(answer.wait());
}

FinishOutcome StoreFixture::finish(const TaskSnapshotPtr& running, AttemptOutcome outcome, bool retryable) {
  AttemptEnd end = end_of(running, outcome);
  end.retryable = retryable;
  return finish(std::move(end));
}

FinishOutcome StoreFixture::stop_attempt(const TaskSnapshotPtr& running, api::StopCause cause) {
  Answer<FinishOutcome> answer;
  store_->stop_attempt(running->key, running->token, cause, answer.done());
  return value_of(answer.wait());
}

CancelOutcome StoreFixture::cancel(const TaskSnapshotPtr& task, std::string reason) {
  Answer<CancelOutcome> answer;
  store_->cancel(task->id, std::move(reason), answer.done());
  return value_of(answer.wait());
}

RetryOutcome StoreFixture::retry(RetryOrder order) {
  Answer<RetryOutcome> answer;
  store_->retry(std::move(order), answer.done());
  return value_of(answer.wait());
}

SweepOutcome StoreFixture::sweep() {
  Answer<SweepOutcome> answer;
  store_->sweep(answer.done());
  return value_of(answer.wait());
}

std::vector<ReadyTask> StoreFixture::load_ready(ReadyOrder order) {
  Answer<std::vector<ReadyTask>> answer;
  store_->load_ready(std::move(order), answer.done());
  return value_of(answer.wait());
}

std::optional<DeliveryStanding> StoreFixture::record_delivery(DeliveryReport report) {
  return record_deliveries({std::move(report)}).at(0);
}

std::vector<std::optional<DeliveryStanding>> StoreFixture::record_deliveries(
    std::vector<DeliveryReport> reports) {
  Answer<std::vector<std::optional<DeliveryStanding>>> answer;
  store_->outbox().record_deliveries(std::move(reports), answer.done());
  return value_of(answer.wait());
}

WebhookWithSecret StoreFixture::add_webhook(const NewWebhook& webhook) {
  Answer<std::optional<WebhookWithSecret>> answer;
  store_->webhooks().create(webhook, answer.done());
  return value_of(answer.wait()).value();
}

std::optional<api::Webhook> StoreFixture::change_webhook(const api::WebhookId& id,
                                                         const api::WebhookChange& change) {
  Answer<std::optional<api::Webhook>> answer;
  store_->webhooks().change(id, change, answer.done());
  return value_of(answer.wait());
}

std::optional<WebhookWithSecret> StoreFixture::rotate_secret(const api::WebhookId& id) {
  Answer<std::optional<WebhookWithSecret>> answer;
  store_->webhooks().rotate_secret(id, answer.done());
  return value_of(answer.wait());
}

bool StoreFixture::remove_webhook(const api::WebhookId& id) {
  Answer<bool> answer;
  store_->webhooks().remove(id, answer.done());
  return value_of(answer.wait());
}

std::optional<api::Webhook> StoreFixture::webhook(const api::WebhookId& id) {
  return value_of(store_->webhooks().find(id));
}

SendOutcome StoreFixture::redeliver(const api::DeliveryId& id) {
  Answer<SendOutcome> answer;
  store_->outbox().redeliver(id, answer.done());
  return value_of(answer.wait());
}

RecoverOutcome StoreFixture::recover(const RecoverOrder& order) {
  Answer<RecoverOutcome> answer;
  store_->outbox().recover(order, answer.done());
  return value_of(answer.wait());
}

SendOutcome StoreFixture::send_test(const api::WebhookId& id) {
  Answer<SendOutcome> answer;
  store_->outbox().send_test(id, answer.done());
  return value_of(answer.wait());
}

std::vector<api::DeliverySummary> StoreFixture::deliveries(const api::WebhookId& id) {
  api::DeliveryQuery query;
  query.webhook = id;
  query.page_size = 10'000;
  return value_of(store_->outbox().deliveries_of(query)).value().deliveries;
}

TaskSnapshotPtr StoreFixture::find(const TaskSnapshotPtr& task) {
  TaskSnapshotPtr found = value_of(store_->find(task->id));
  REQUIRE(found);
  return found;
}

api::TaskDetail StoreFixture::detail(const TaskSnapshotPtr& task) {
  auto found = value_of(store_->find_detail(task->id));
  REQUIRE(found.has_value());
  return *found;
}

std::vector<OwedDelivery> StoreFixture::owed(const std::optional<OwedDelivery>& after, std::size_t limit) {
  return value_of(store_->outbox().owed_deliveries(after, limit));
}

std::optional<DeliveryContent> StoreFixture::content(api::DeliveryKey key) {
  return value_of(store_->outbox().find_deliveries({key})).at(0);
}

std::vector<api::DeliverySummary> StoreFixture::deliveries(const TaskSnapshotPtr& task) {
  auto found = value_of(store_->outbox().deliveries_of(task->id));
  REQUIRE(found.has_value());
  return *found;
}

}  // namespace longhaul::tests
