// Registered webhooks: what each is owed, while it is enabled, disabled and removed; its secrets; and what is sent again.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "api/limits.h"
#include "tests/store/store_fixture.h"

namespace longhaul::tests {
namespace {

using api::DeliveryStatus;
using api::DisabledCause;
using api::ExhaustedCause;
using api::WebhookEvent;
using api::WebhookEvents;

NewWebhook webhook_at(const std::string& url = "https://hooks.example.com/in") { return {url, {}, ""}; }

TaskSnapshotPtr run(StoreFixture& fixture, AttemptOutcome outcome = AttemptOutcome::succeeded,
                    const std::string& type = "work", const std::string& queue = "default") {
  NewTask order = fixture.order();
  order.type = type;
  order.queue = queue;
  return fixture.finish(fixture.start(fixture.add(order)), outcome, false).task;
}

DeliveryReport report(const OwedDelivery& owed, DeliveryStatus status, int round = 0) {
  DeliveryReport report;
  report.key = owed.key;
  report.status = status;
  report.round = round;
  report.disable_after = 120h;
  if (status == DeliveryStatus::pending) report.backoff = 5s;
  if (status == DeliveryStatus::exhausted) report.exhausted = ExhaustedCause::attempts;
  report.attempt.emplace().error = status == DeliveryStatus::delivered ? "" : "BAD_STATUS";
  return report;
}

OwedDelivery only_owed(StoreFixture& fixture) {
  const auto owed = fixture.owed();
  REQUIRE(owed.size() == 1);
  return owed[0];
}

}  // namespace

TEST_CASE_TEMPLATE("a webhook is owed what passes its filter, a callback beside it", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto all = fixture.add_webhook({"https://a.example/", {std::nullopt, {}, {}}, "everything"}).webhook;
  const auto failures =
      fixture.add_webhook({"https://b.example/", {WebhookEvents{WebhookEvent::task_failed}, {}, {}}, ""}).webhook;
  const auto of_type = fixture.add_webhook({"https://c.example/", {WebhookEvents::final_ones(), {"report", "x"}, {}}, ""});
  const auto of_queue = fixture.add_webhook({"https://d.example/", {WebhookEvents::final_ones(), {}, {"slow"}}, ""});

  NewTask order = fixture.order();
  order.callback = api::Callback{"https://callback.example/", WebhookEvents::final_ones()};
  fixture.finish(fixture.start(fixture.add(order)), AttemptOutcome::succeeded);
  run(fixture, AttemptOutcome::failed, "report", "slow");

  const auto events = [&](const api::WebhookId& id) {
    std::vector<WebhookEvent> told;
    for (const auto& delivery : fixture.deliveries(id)) told.push_back(delivery.event);
    std::reverse(told.begin(), told.end());
    return told;
  };
  CHECK(events(all.id) == std::vector{WebhookEvent::task_started, WebhookEvent::task_succeeded,
                                      WebhookEvent::task_started, WebhookEvent::task_failed});
  CHECK(events(failures.id) == std::vector{WebhookEvent::task_failed});
  CHECK(events(of_type.webhook.id) == std::vector{WebhookEvent::task_failed});
  CHECK(events(of_queue.webhook.id) == std::vector{WebhookEvent::task_failed});

  const auto owed = fixture.owed();
  CHECK(owed.size() == 8);
  CHECK(fixture.recorder().take_deliveries().size() == 8);
  CHECK(fixture.store().figures().owed_deliveries == 8);
  std::set<std::string> ids;
  for (const OwedDelivery& one : owed) ids.insert(one.id.get().text());
  CHECK(ids.size() == 8);
  const auto is_callback = [](const OwedDelivery& one) { return one.endpoint == one.origin; };
  CHECK(std::count_if(owed.begin(), owed.end(), is_callback) == 1);
  const auto of_all = std::find_if(owed.begin(), owed.end(), [&](const OwedDelivery& one) {
    return one.endpoint == api::endpoint_of(all.id);
  });
  REQUIRE(of_all != owed.end());
  CHECK(of_all->origin == "https://a.example:443");
  CHECK(fixture.content(of_all->key).value().addressee == Addressee::webhook);
}

TEST_CASE_TEMPLATE("what a disabled webhook misses is noted, and recovered when asked for", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto id = fixture.add_webhook(webhook_at()).webhook.id;
  run(fixture);
  const OwedDelivery before = only_owed(fixture);
  fixture.clock.advance(1min);
  const WallTime since = fixture.clock.wall();
  const auto disabled = fixture.change_webhook(id, {{}, {}, {}, {}, {}, true}).value();
  CHECK(disabled.disabled.value().cause == DisabledCause::request);
  CHECK(disabled.disabled->at == since);
  for (int i = 0; i < 250; ++i) run(fixture);
  CHECK(fixture.owed().size() == 1);
  CHECK(fixture.content(before.key).value().addressee == Addressee::disabled_webhook);
  const auto missed = fixture.deliveries(id);
  REQUIRE(missed.size() == 251);
  CHECK(missed[0].status == DeliveryStatus::exhausted);
  CHECK(missed[0].exhausted_cause == ExhaustedCause::webhook_disabled);
  CHECK(missed[0].attempts == 0);

  CHECK(fixture.recover({id, since, {}}).verdict == SendVerdict::webhook_disabled);
  CHECK(fixture.redeliver(missed[0].id).verdict == SendVerdict::webhook_disabled);
  CHECK_FALSE(fixture.change_webhook(id, {{}, {}, {}, {}, {}, false}).value().disabled);
  const auto told_before = fixture.recorder().take_deliveries();
  RecoverOrder order{id, since, {}};
  std::int64_t matched = 0;
  int slices = 0;
  for (bool more = true; more; ++slices) {
    const RecoverOutcome outcome = fixture.recover(order);
    CHECK(outcome.verdict == SendVerdict::owed);
    matched += outcome.matched;
    order.after = outcome.more;
    more = outcome.more.has_value();
  }
  CHECK(slices == 3);
  CHECK(matched == 250);
  CHECK(fixture.owed().size() == 251);
  CHECK(fixture.store().figures().owed_deliveries == 251);
  CHECK(told_before.size() == 1);
  CHECK(fixture.recorder().take_deliveries().size() == 250);
  CHECK(fixture.recover({id, since, {}}).matched == 0);
  CHECK(fixture.recover({api::WebhookId(fixture.next_id()), since, {}}).verdict == SendVerdict::unknown);
}

TEST_CASE_TEMPLATE("a webhook to which everything fails for days is disabled, one that is gone at once", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto id = fixture.add_webhook(webhook_at()).webhook.id;
  run(fixture);
  const OwedDelivery owed = only_owed(fixture);
  const WallTime first = fixture.clock.wall();
  CHECK_FALSE(fixture.record_delivery(report(owed, DeliveryStatus::pending)).value().has_disabled);
  CHECK(fixture.webhook(id).value().failing_since == first);
  fixture.clock.advance(119h);
  CHECK_FALSE(fixture.record_delivery(report(owed, DeliveryStatus::pending)).value().has_disabled);
  CHECK(fixture.webhook(id).value().failing_since == first);

  // One success, and it begins anew.
  run(fixture);
  OwedDelivery second = fixture.owed()[1];
  if (second.key == owed.key) second = fixture.owed()[0];
  fixture.record_delivery(report(second, DeliveryStatus::delivered));
  CHECK_FALSE(fixture.webhook(id).value().failing_since);
  fixture.clock.advance(10h);
  fixture.record_delivery(report(owed, DeliveryStatus::pending));
  fixture.reopen();
  fixture.clock.step_wall(-1h);  // days are days, whatever the wall clock says
  fixture.clock.advance(120h);
  const auto standing = fixture.record_delivery(report(owed, DeliveryStatus::pending)).value();
  CHECK(standing.has_disabled.value().cause == DisabledCause::failing);
  CHECK(standing.has_disabled->id == id);
  CHECK(standing.due);
  const auto disabled = fixture.webhook(id).value().disabled.value();
  CHECK(disabled.cause == DisabledCause::failing);
  CHECK(disabled.failed_for == 120h);
  CHECK(fixture.content(owed.key).value().addressee == Addressee::disabled_webhook);

  const auto enabled = fixture.change_webhook(id, {{}, {}, {}, {}, {}, false}).value();
  CHECK_FALSE(enabled.disabled);
  CHECK_FALSE(enabled.failing_since);
  DeliveryReport gone = report(owed, DeliveryStatus::exhausted);
  gone.exhausted = ExhaustedCause::gone;
  gone.webhook_is_gone = true;
  CHECK(fixture.record_delivery(gone).value().has_disabled.value().cause == DisabledCause::gone);
  CHECK(fixture.webhook(id).value().disabled.value().cause == DisabledCause::gone);
  CHECK(fixture.store().figures().owed_deliveries == 0);
}

TEST_CASE_TEMPLATE("a delivery is sent again with its id and bytes, and begins anew", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto id = fixture.add_webhook(webhook_at()).webhook.id;
  run(fixture);
  const OwedDelivery owed = only_owed(fixture);
  const std::string body = fixture.content(owed.key).value().body;
  for (const auto end : {DeliveryStatus::delivered, DeliveryStatus::exhausted}) {
    const int round = fixture.content(owed.key).value().round;
    fixture.record_delivery(report(owed, DeliveryStatus::pending, round));
    fixture.record_delivery(report(owed, end, round));
    CHECK(fixture.owed().empty());
    CHECK(fixture.recorder().take_deliveries().size() <= 1);
    const SendOutcome again = fixture.redeliver(owed.id);
    CHECK(again.verdict == SendVerdict::owed);
    CHECK(again.delivery.value().status == DeliveryStatus::pending);
    CHECK(fixture.recorder().take_deliveries().size() == 1);
    const auto content = fixture.content(owed.key).value();
    CHECK(content.id == owed.id);
    CHECK(content.body == body);
    CHECK(content.attempts == 0);
    CHECK(content.round == round + 1);
  }
  CHECK(fixture.deliveries(id).at(0).attempts == 4);
  CHECK(fixture.store().figures().owed_deliveries == 1);

  // Asked for while an attempt is under way: what that comes to does not end it.
  CHECK(fixture.redeliver(owed.id).verdict == SendVerdict::owed);
  const auto standing = fixture.record_delivery(report(owed, DeliveryStatus::exhausted, 2)).value();
  CHECK(standing.status == DeliveryStatus::pending);
  CHECK(standing.due.value() <= fixture.store().now().steady);
  CHECK(fixture.store().figures().owed_deliveries == 1);
  // But a success is one.
  CHECK(fixture.redeliver(owed.id).verdict == SendVerdict::owed);
  CHECK(fixture.record_delivery(report(owed, DeliveryStatus::delivered, 3)).value().status == DeliveryStatus::delivered);
  CHECK(fixture.store().figures().owed_deliveries == 0);
  CHECK(fixture.redeliver(api::DeliveryId(fixture.next_id())).verdict == SendVerdict::unknown);
}

TEST_CASE_TEMPLATE("of a delivery the last attempts are kept", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  fixture.add_webhook(webhook_at());
  run(fixture);
  const OwedDelivery owed = only_owed(fixture);
  constexpr int kept = static_cast<int>(api::limits::kept_delivery_attempts);
  for (int i = 0; i < kept + 7; ++i) {
    fixture.clock.advance(1s);
    DeliveryReport failed = report(owed, DeliveryStatus::pending);
    failed.attempt->started_at = fixture.clock.wall();
    fixture.record_delivery(failed);
  }
  const auto detail = fixture.store().outbox().find_detail(owed.id).value().value();
  CHECK(detail.summary.attempts == kept + 7);
  REQUIRE(detail.attempts.size() == api::limits::kept_delivery_attempts);
  CHECK(detail.attempts.back().started_at == fixture.clock.wall());
  CHECK(detail.attempts.front().started_at == fixture.clock.wall() - std::chrono::seconds(kept - 1));
}

TEST_CASE_TEMPLATE("secrets: the old one signs for a day beside the new one", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto made = fixture.add_webhook(webhook_at());
  const auto id = made.webhook.id;
  CHECK(made.secret.starts_with("whsec_"));
  CHECK(fixture.add_webhook(webhook_at()).secret != made.secret);
  run(fixture);
  const auto owed = fixture.owed();
  const auto of_id = std::find_if(owed.begin(), owed.end(),
                                  [&](const OwedDelivery& one) { return one.endpoint == api::endpoint_of(id); });
  const auto secrets = [&] { return fixture.content(of_id->key).value().secrets; };
  CHECK(secrets() == std::vector{made.secret});
  const std::string second = fixture.rotate_secret(id).value().secret;
  CHECK(secrets() == std::vector{second, made.secret});
  fixture.clock.advance(12h);
  const auto rotated = fixture.rotate_secret(id).value();
  CHECK(secrets() == std::vector{rotated.secret, second, made.secret});
  CHECK(rotated.webhook.old_secret_until == fixture.clock.wall() + 24h);
  fixture.reopen();
  fixture.clock.advance(12h);
  CHECK(secrets() == std::vector{rotated.secret, second});
  fixture.clock.advance(12h);
  CHECK(secrets() == std::vector{rotated.secret});
  CHECK_FALSE(fixture.webhook(id).value().old_secret_until);
  for (std::size_t i = 0; i < 2 * api::limits::webhook_secrets; ++i) fixture.rotate_secret(id);
  CHECK(secrets().size() == api::limits::webhook_secrets);
  CHECK_FALSE(fixture.rotate_secret(api::WebhookId(fixture.next_id())));
}

TEST_CASE_TEMPLATE("a changed webhook: deliveries go where it is now", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto id = fixture.add_webhook(webhook_at()).webhook.id;
  run(fixture);
  const OwedDelivery owed = only_owed(fixture);
  fixture.record_delivery(report(owed, DeliveryStatus::pending));
  api::WebhookChange change;
  change.url = "http://elsewhere.example:8080/x";
  change.types = {{"other"}};
  change.description = "moved";
  const auto changed = fixture.change_webhook(id, change).value();
  CHECK(changed.url == *change.url);
  CHECK_FALSE(changed.failing_since);
  CHECK(changed.filter.types == std::vector<std::string>{"other"});
  CHECK(changed.filter.events == WebhookEvents::final_ones());
  CHECK(fixture.content(owed.key).value().url == *change.url);
  CHECK(only_owed(fixture).origin == "http://elsewhere.example:8080");
  run(fixture);
  CHECK(fixture.owed().size() == 1);  // of another type

  // A disabled one stays so elsewhere.
  api::WebhookChange disable;
  disable.disabled = true;
  fixture.change_webhook(id, disable);
  change.url = "https://third.example/";
  CHECK(fixture.change_webhook(id, change).value().disabled.value().cause == DisabledCause::request);
  CHECK_FALSE(fixture.change_webhook(api::WebhookId(fixture.next_id()), change));
}

TEST_CASE_TEMPLATE("a removed webhook: its records stay with their tasks", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto id = fixture.add_webhook(webhook_at()).webhook.id;
  const TaskSnapshotPtr task = run(fixture);
  const OwedDelivery owed = only_owed(fixture);
  CHECK(fixture.send_test(id).verdict == SendVerdict::owed);
  CHECK(fixture.owed().size() == 2);
  CHECK(fixture.remove_webhook(id));
  CHECK_FALSE(fixture.remove_webhook(id));
  CHECK_FALSE(fixture.webhook(id));
  CHECK(only_owed(fixture).key == owed.key);  // the test is gone with it
  CHECK(fixture.store().figures().owed_deliveries == 1);
  CHECK(fixture.content(owed.key).value().addressee == Addressee::removed_webhook);
  run(fixture);
  CHECK(fixture.owed().size() == 1);

  DeliveryReport given_up = report(owed, DeliveryStatus::exhausted);
  given_up.attempt.reset();
  given_up.exhausted = ExhaustedCause::webhook_removed;
  CHECK(fixture.record_delivery(given_up));
  const auto shown = fixture.deliveries(task).at(0);
  CHECK(shown.webhook == id);
  CHECK(shown.attempts == 0);
  CHECK(shown.exhausted_cause == ExhaustedCause::webhook_removed);
  CHECK(fixture.redeliver(owed.id).verdict == SendVerdict::webhook_removed);
  CHECK_FALSE(fixture.store().outbox().deliveries_of(api::DeliveryQuery{id, {}, 10, {}}).value());
}

TEST_CASE_TEMPLATE("tests of a webhook: of no task, and the last few are kept", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto id = fixture.add_webhook(webhook_at()).webhook.id;
  const SendOutcome sent = fixture.send_test(id);
  REQUIRE(sent.verdict == SendVerdict::owed);
  CHECK(sent.delivery.value().event == WebhookEvent::webhook_test);
  CHECK_FALSE(sent.delivery->task);
  CHECK(fixture.content(only_owed(fixture).key).value().body.find(id.get().text()) != std::string::npos);
  for (std::size_t i = 0; i < 2 * api::limits::kept_test_deliveries; ++i) fixture.send_test(id);
  CHECK(fixture.deliveries(id).size() == api::limits::kept_test_deliveries);
  CHECK(fixture.owed().size() == api::limits::kept_test_deliveries);
  CHECK(fixture.store().figures().owed_deliveries == static_cast<std::int64_t>(api::limits::kept_test_deliveries));
  CHECK(fixture.send_test(api::WebhookId(fixture.next_id())).verdict == SendVerdict::unknown);
  fixture.change_webhook(id, {{}, {}, {}, {}, {}, true});
  CHECK(fixture.send_test(id).verdict == SendVerdict::webhook_disabled);
}

TEST_CASE_TEMPLATE("webhooks are listed in order, and there are only so many", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  std::vector<api::WebhookId> ids;
  for (std::size_t i = 0; i < api::limits::webhooks; ++i) {
    fixture.clock.advance(1ms);
    ids.push_back(fixture.add_webhook(webhook_at()).webhook.id);
  }
  Answer<std::optional<WebhookWithSecret>> answer;
  fixture.store().webhooks().create(webhook_at(), answer.done());
  CHECK_FALSE(answer.wait().value());
  fixture.reopen();
  const auto listed = fixture.store().webhooks().list().value();
  REQUIRE(listed.size() == ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) CHECK(listed[i].id == ids[i]);
}

TEST_CASE_TEMPLATE("the deliveries of a webhook are read in pages", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto id = fixture.add_webhook(webhook_at()).webhook.id;
  for (int i = 0; i < 7; ++i) run(fixture);
  const auto all = fixture.deliveries(id);
  REQUIRE(all.size() == 7);
  const auto owed = fixture.owed();
  for (std::size_t i = 0; i < owed.size(); i += 2) fixture.record_delivery(report(owed[i], DeliveryStatus::delivered));
  for (const std::optional<DeliveryStatus> status :
       {std::optional<DeliveryStatus>(), std::optional(DeliveryStatus::delivered)}) {
    api::DeliveryQuery query{id, status, 2, {}};
    std::vector<std::string> found;
    for (;;) {
      const auto page = fixture.store().outbox().deliveries_of(query).value().value();
      CHECK(page.deliveries.size() <= 2);
      for (const auto& delivery : page.deliveries) found.push_back(delivery.id.get().text());
      query.older_than = page.continue_after;
      if (!query.older_than) break;
    }
    std::vector<std::string> wanted;
    for (const auto& delivery : fixture.deliveries(id)) {
      if (!status || delivery.status == *status) wanted.push_back(delivery.id.get().text());
    }
    CHECK(found == wanted);
    CHECK(wanted.size() == (status ? 4 : 7));
  }
}

}  // namespace longhaul::tests
