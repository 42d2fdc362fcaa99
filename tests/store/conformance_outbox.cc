// The outbox: what is owed is written with the change it tells of, stays the same bytes, and is kept until it
// is delivered or given up.
#include <doctest/doctest.h>

#include <set>

#include "api/limits.h"
#include "tests/store/store_fixture.h"

namespace longhaul::tests {
namespace {

using api::DeliveryStatus;
using api::WebhookEvent;
using api::WebhookEvents;

const std::string receiver = "HTTPS://Hooks.Example.com/in?a=B";

NewTask with_callback(StoreFixture& fixture, WebhookEvents events = WebhookEvents::final_ones(),
                      const std::string& url = receiver) {
  NewTask order = fixture.order();
  order.callback = api::Callback{url, events};
  return order;
}

// A task that has succeeded and owes one delivery, which is returned.
OwedDelivery owe_one(StoreFixture& fixture) {
  const TaskSnapshotPtr task = fixture.add(with_callback(fixture));
  fixture.finish(fixture.start(task), AttemptOutcome::succeeded);
  const auto told = fixture.recorder().take_deliveries();
  REQUIRE(told.size() == 1);
  return told[0];
}

DeliveryReport report(api::DeliveryKey key, DeliveryStatus status, std::optional<Milliseconds> backoff = {}) {
  DeliveryReport report;
  report.key = key;
  report.status = status;
  report.backoff = backoff;
  if (status == DeliveryStatus::exhausted) report.exhausted = api::ExhaustedCause::attempts;
  report.disable_after = 1'000h;
  api::DeliveryAttempt& attempt = report.attempt.emplace();
  attempt.started_at = WallTime(1'772'366'400'123ms);
  attempt.duration = 45ms;
  attempt.remote_address = "192.0.2.7:443";
  attempt.response_status = status == DeliveryStatus::delivered ? 204 : 500;
  attempt.error = status == DeliveryStatus::delivered ? "" : "BAD_STATUS";
  attempt.response_body = std::string("no\0t now\xff", 9);
  return report;
}

std::vector<std::string> events_of(const std::vector<api::DeliverySummary>& deliveries) {
  std::vector<std::string> events;
  for (const auto& delivery : deliveries) events.emplace_back(api::to_text(delivery.event));
  return events;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE_TEMPLATE("a final state and its delivery are one", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  NewTask order = with_callback(fixture);
  order.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const TaskSnapshotPtr task = fixture.add(order);
  CHECK(task->callback_events == WebhookEvents::final_ones());
  const TaskSnapshotPtr running = fixture.start(task);
  CHECK(fixture.owed().empty());
  CHECK(fixture.deliveries(task).empty());
  CHECK(fixture.recorder().take_deliveries().empty());

  fixture.clock.advance(90s);
  const TaskSnapshotPtr done = fixture.finish(running, AttemptOutcome::succeeded).task;
  const auto told = fixture.recorder().take_deliveries();
  const auto owed = fixture.owed();
  REQUIRE(told.size() == 1);
  REQUIRE(owed.size() == 1);
  for (const OwedDelivery& one : {told[0], owed[0]}) {
    CHECK(one.key == told[0].key);
    CHECK(one.id == told[0].id);
    CHECK(one.due == fixture.store().now().steady);
    CHECK(one.origin == "https://hooks.example.com:443");
  }
  CHECK(TaskId::parse(told[0].id.get().text()));

  const auto content = fixture.content(owed[0].key).value();
  CHECK(content.id == owed[0].id);
  CHECK(content.url == receiver);
  CHECK(content.traceparent == order.traceparent);
  CHECK(content.attempts == 0);
  CHECK(content.body == api::delivery_body(WebhookEvent::task_succeeded, fixture.clock.wall(), *done));
  CHECK(content.body.starts_with(
      R"({"type":"task.succeeded","timestamp":"2026-03-01T12:01:30.000Z","data":{"task_id":")"));
}

TEST_CASE_TEMPLATE("each end of a task is told of once", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto told = [&](const TaskSnapshotPtr& task) { return events_of(fixture.deliveries(task)); };
  using Events = std::vector<std::string>;

  const TaskSnapshotPtr failed = fixture.add(with_callback(fixture));
  fixture.finish(fixture.start(failed), AttemptOutcome::failed);
  CHECK(told(failed) == Events{"task.failed"});

  const TaskSnapshotPtr waiting = fixture.add(with_callback(fixture));
  fixture.cancel(waiting);
  fixture.cancel(waiting);
  CHECK(told(waiting) == Events{"task.cancelled"});

  const TaskSnapshotPtr stopped = fixture.add(with_callback(fixture));
  const TaskSnapshotPtr running = fixture.start(stopped);
  fixture.cancel(stopped);
  CHECK(told(stopped).empty());
  fixture.finish(running, AttemptOutcome::succeeded);
  CHECK(told(stopped) == Events{"task.cancelled"});

  const TaskSnapshotPtr too_long = fixture.add(with_callback(fixture));
  fixture.finish(fixture.start(too_long), AttemptOutcome::timed_out);
  CHECK(told(too_long) == Events{"task.timed_out"});

  NewTask order = with_callback(fixture);
  order.expiry = fixture.store().now().steady + 1s;
  const TaskSnapshotPtr expired = fixture.add(order);
  fixture.clock.advance(1s);
  fixture.sweep();
  CHECK(told(expired) == Events{"task.timed_out"});

  const TaskSnapshotPtr silent = fixture.add();
  fixture.finish(fixture.start(silent), AttemptOutcome::succeeded);
  CHECK(told(silent).empty());
  CHECK(fixture.owed().size() == 5);
}

TEST_CASE_TEMPLATE("a callback hears of the events it named, and of no other", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  NewTask order = with_callback(
      fixture, {WebhookEvent::task_started, WebhookEvent::task_retrying, WebhookEvent::task_failed});
  order.max_attempts = 2;
  const TaskSnapshotPtr all = fixture.add(order);
  const TaskSnapshotPtr released = fixture.finish(fixture.start(all), AttemptOutcome::released).task;
  fixture.finish(fixture.start(released), AttemptOutcome::failed);
  fixture.sweep();
  fixture.finish(fixture.start(all), AttemptOutcome::failed);
  CHECK(events_of(fixture.deliveries(all)) == std::vector<std::string>{"task.started", "task.started",
                                                                       "task.retrying", "task.started",
                                                                       "task.failed"});
  const auto bodies = fixture.owed();
  REQUIRE(bodies.size() == 5);
  CHECK(contains(fixture.content(bodies[2].key)->body, R"("status":"scheduled")"));

  const TaskSnapshotPtr one = fixture.add(with_callback(fixture, {WebhookEvent::task_cancelled}));
  fixture.finish(fixture.start(one), AttemptOutcome::succeeded);
  CHECK(fixture.deliveries(one).empty());
}

TEST_CASE_TEMPLATE("a user's retry leads to a delivery of its own", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const TaskSnapshotPtr task = fixture.add(with_callback(fixture));
  fixture.finish(fixture.start(task), AttemptOutcome::failed);
  fixture.retry(task);
  CHECK(fixture.deliveries(task).size() == 1);
  fixture.finish(fixture.start(task), AttemptOutcome::succeeded);
  const auto deliveries = fixture.deliveries(task);
  CHECK(events_of(deliveries) == std::vector<std::string>{"task.failed", "task.succeeded"});
  CHECK(deliveries[0].id != deliveries[1].id);
}

TEST_CASE_TEMPLATE("a start that is answered from its key writes no second callback", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  NewTask order = with_callback(fixture);
  order.idempotency = IdempotencyBinding{"me", "key", "hash"};
  const TaskSnapshotPtr task = fixture.add(order);
  NewTask again = with_callback(fixture, {WebhookEvent::task_succeeded}, "https://other.example/");
  again.idempotency = order.idempotency;
  CHECK(fixture.enqueue(again).verdict == EnqueueVerdict::replayed);
  fixture.finish(fixture.start(task), AttemptOutcome::succeeded);
  const auto deliveries = fixture.deliveries(task);
  REQUIRE(deliveries.size() == 1);
  CHECK(deliveries[0].url == receiver);
  CHECK(fixture.enqueue(again).verdict == EnqueueVerdict::replayed);
  CHECK(fixture.owed().size() == 1);
}

TEST_CASE_TEMPLATE("attempts to deliver are noted, and the next one waits", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const OwedDelivery owed = owe_one(fixture);
  const std::string body = fixture.content(owed.key)->body;
  fixture.clock.advance(1s);
  CHECK(fixture.record_delivery(report(owed.key, DeliveryStatus::pending, 5s)));
  CHECK(fixture.recorder().take_deliveries().empty());

  const auto later = fixture.owed();
  REQUIRE(later.size() == 1);
  CHECK(later[0].id == owed.id);
  CHECK(later[0].due == fixture.store().now().steady + 5s);
  const auto content = fixture.content(owed.key).value();
  CHECK(content.attempts == 1);
  CHECK(content.body == body);

  const auto task = fixture.store().list({})->tasks.at(0);
  fixture.clock.step_wall(1h);  // what waits goes by the steady timeline; what is shown by today's wall clock
  const auto shown = fixture.deliveries(task).at(0);
  CHECK(shown.status == DeliveryStatus::pending);
  CHECK(shown.attempts == 1);
  CHECK(shown.next_attempt_at == fixture.clock.wall() + 5s);
  CHECK_FALSE(shown.finished_at);
  const auto last = shown.last_attempt.value();
  const auto given = report(owed.key, DeliveryStatus::pending).attempt.value();
  CHECK(last.started_at == given.started_at);
  CHECK(last.duration == given.duration);
  CHECK(last.remote_address == given.remote_address);
  CHECK(last.response_status == given.response_status);
  CHECK(last.error == given.error);
  CHECK(last.response_body == given.response_body);
  CHECK(fixture.detail(task).deliveries.pending == 1);
}

TEST_CASE_TEMPLATE("what is delivered or given up is not owed any more", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  for (const DeliveryStatus end : {DeliveryStatus::delivered, DeliveryStatus::exhausted}) {
    const OwedDelivery owed = owe_one(fixture);
    DeliveryReport unanswered = report(owed.key, DeliveryStatus::pending);
    unanswered.attempt->response_status.reset();
    CHECK(fixture.record_delivery(unanswered));
    fixture.clock.advance(1s);
    CHECK(fixture.record_delivery(report(owed.key, end)));
    CHECK(fixture.owed().empty());
    CHECK_FALSE(fixture.content(owed.key));
    CHECK_FALSE(fixture.record_delivery(report(owed.key, DeliveryStatus::pending, 5s)));

    const auto task = fixture.store().list({})->tasks.at(0);
    const auto shown = fixture.deliveries(task).at(0);
    CHECK(shown.id == owed.id);
    CHECK(shown.status == end);
    CHECK(shown.attempts == 2);
    CHECK(shown.finished_at == fixture.clock.wall());
    CHECK_FALSE(shown.next_attempt_at);
    const auto counts = fixture.detail(task).deliveries;
    CHECK(counts.pending == 0);
    CHECK(counts.delivered == (end == DeliveryStatus::delivered ? 1 : 0));
    CHECK(counts.exhausted == (end == DeliveryStatus::exhausted ? 1 : 0));
  }
  CHECK_FALSE(fixture.record_delivery(report(api::DeliveryKey(4711), DeliveryStatus::delivered)));
  CHECK_FALSE(fixture.content(api::DeliveryKey(4711)));
}

TEST_CASE_TEMPLATE("several turns are noted together, each for itself", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const OwedDelivery first = owe_one(fixture);
  const OwedDelivery second = owe_one(fixture);
  const auto standings = fixture.record_deliveries({report(second.key, DeliveryStatus::pending, 5s),
                                                    report(api::DeliveryKey(4711), DeliveryStatus::delivered),
                                                    report(first.key, DeliveryStatus::delivered),
                                                    report(first.key, DeliveryStatus::exhausted)});
  REQUIRE(standings.size() == 4);
  REQUIRE(standings[0].has_value());
  CHECK(standings[0]->status == DeliveryStatus::pending);
  CHECK(standings[0]->due == fixture.store().now().steady + 5s);
  CHECK_FALSE(standings[1]);
  REQUIRE(standings[2].has_value());
  CHECK(standings[2]->status == DeliveryStatus::delivered);
  CHECK_FALSE(standings[3]);
  const auto owed = fixture.owed();
  REQUIRE(owed.size() == 1);
  CHECK(owed[0].key == second.key);
  CHECK(fixture.record_deliveries({}).empty());
}

TEST_CASE_TEMPLATE("what is owed outlives a restart, with its id and bytes", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const OwedDelivery owed = owe_one(fixture);
  fixture.record_delivery(report(owed.key, DeliveryStatus::pending, 5min));
  const std::string body = fixture.content(owed.key)->body;
  const auto due = fixture.owed().at(0).due;
  const std::string secret = fixture.store().outbox().callback_secret();
  fixture.reopen();
  const auto after = fixture.owed();
  REQUIRE(after.size() == 1);
  CHECK(after[0].key == owed.key);
  CHECK(after[0].id == owed.id);
  CHECK(after[0].due == due);
  CHECK(fixture.content(owed.key)->body == body);
  CHECK(fixture.store().outbox().callback_secret() == secret);

  StoreFixture another(std::make_unique<Engine>());
  const std::string other = another.store().outbox().callback_secret();
  CHECK(other != secret);
  for (const std::string& one : {secret, other}) {
    CHECK(one.starts_with("whsec_"));
    CHECK(one.size() == 6 + 32);
  }
}

TEST_CASE_TEMPLATE("what is owed is read in pages, the earliest first", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  std::vector<OwedDelivery> made;
  for (int i = 0; i < 7; ++i) made.push_back(owe_one(fixture));  // all due at once
  fixture.record_delivery(report(made[0].key, DeliveryStatus::pending, 1h));
  fixture.record_delivery(report(made[3].key, DeliveryStatus::delivered));
  std::vector<api::DeliveryKey> read;
  std::optional<OwedDelivery> after;
  for (int pages = 0; pages < 10; ++pages) {
    const auto page = fixture.owed(after, 2);
    if (page.empty()) break;
    for (const OwedDelivery& one : page) read.push_back(one.key);
    after = page.back();
  }
  CHECK(read == std::vector<api::DeliveryKey>{made[1].key, made[2].key, made[4].key, made[5].key, made[6].key,
                                              made[0].key});
}

TEST_CASE_TEMPLATE("a result that is too big is left out of the body, and that is said", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  for (const std::size_t over : {std::size_t{0}, std::size_t{1}}) {
    const TaskSnapshotPtr running = fixture.start(fixture.add(with_callback(fixture)));
    AttemptEnd end = StoreFixture::end_of(running, AttemptOutcome::succeeded);
    end.result = RawJson{'"' + std::string(api::limits::delivered_result_bytes - 2 + over, 'x') + '"'};
    fixture.finish(end);
    const std::string body = fixture.content(fixture.owed().at(over).key)->body;
    CHECK(contains(body, R"("result":null,"result_omitted":true)") == (over == 1));
    CHECK(contains(body, "xxx") == (over == 0));
  }
}

TEST_CASE_TEMPLATE("an unknown task has no deliveries to show", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto found = fixture.store().outbox().deliveries_of(TaskId());
  REQUIRE(found.ok());
  CHECK_FALSE(found->has_value());
}

TEST_CASE_TEMPLATE("deliveries of one commit are told of together and have ids of their own", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  std::vector<TaskSnapshotPtr> tasks;
  for (int i = 0; i < 50; ++i) tasks.push_back(fixture.add(with_callback(fixture)));
  std::vector<std::unique_ptr<Answer<CancelOutcome>>> answers;
  for (const TaskSnapshotPtr& task : tasks) {
    answers.push_back(std::make_unique<Answer<CancelOutcome>>());
    fixture.store().cancel(task->id, "", answers.back()->done());
  }
  for (auto& answer : answers) CHECK(answer->wait().ok());
  std::set<api::DeliveryId> ids;
  for (const OwedDelivery& one : fixture.recorder().take_deliveries()) ids.insert(one.id);
  CHECK(ids.size() == tasks.size());
  CHECK(fixture.owed().size() == tasks.size());
}

}  // namespace longhaul::tests
