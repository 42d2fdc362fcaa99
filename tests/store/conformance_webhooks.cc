// Registered webhooks: what each is owed, while it is enabled, disabled and removed, and its secrets.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "api/limits.h"
#include "tests/store/webhook_orders.h"

namespace longhaul::tests {

using api::DeliveryStatus;
using api::DisabledCause;
using api::ExhaustedCause;
using api::WebhookEvent;
using api::WebhookEvents;

TEST_CASE_TEMPLATE("webhooks are listed as they were registered, whatever the clock says", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  std::vector<api::WebhookId> registered;
  for (int i = 0; i < 20; ++i) {
    registered.push_back(fixture.add_webhook(webhook_at()).webhook.id);
    if (i == 9) fixture.clock.step_wall(-1h);
  }
  const auto are_in_order = [&] {
    std::vector<api::WebhookId> listed;
    const auto webhooks = fixture.store().webhooks().list();
    for (const api::Webhook& webhook : webhooks.value()) listed.push_back(webhook.id);
    return listed == registered;
  };
  CHECK(are_in_order());
  fixture.reopen();
  CHECK(are_in_order());
}

TEST_CASE_TEMPLATE("a webhook is owed what passes its filter, a callback beside it", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto all = fixture.add_webhook({"https://a.example/", {std::nullopt, {}, {}}, "everything"}).webhook;
  const auto failures =
      fixture.add_webhook({"https://b.example/", {WebhookEvents{WebhookEvent::task_failed}, {}, {}}, ""})
          .webhook;
  const auto of_type =
      fixture.add_webhook({"https://c.example/", {WebhookEvents::final_ones(), {"report", "x"}, {}}, ""});
  const auto of_queue =
      fixture.add_webhook({"https://d.example/", {WebhookEvents::final_ones(), {}, {"slow"}}, ""});

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

TEST_CASE_TEMPLATE("a webhook to which everything fails for days is disabled, one that is gone at once",
                   Engine, STORE_ENGINES) {
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
  gone.generation = fixture.content(owed.key).value().generation;
  CHECK(fixture.record_delivery(gone).value().has_disabled.value().cause == DisabledCause::gone);
  CHECK(fixture.webhook(id).value().disabled.value().cause == DisabledCause::gone);
  CHECK(fixture.store().figures().owed_deliveries == 0);
}

TEST_CASE_TEMPLATE("secrets: the old one signs for a day beside the new one", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto made = fixture.add_webhook(webhook_at());
  const auto id = made.webhook.id;
  CHECK(made.secret.starts_with("whsec_"));
  CHECK(fixture.add_webhook(webhook_at()).secret != made.secret);
  run(fixture);
  const auto owed = fixture.owed();
  const auto of_id = std::find_if(owed.begin(), owed.end(), [&](const OwedDelivery& one) {
    return one.endpoint == api::endpoint_of(id);
  });
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

TEST_CASE_TEMPLATE("what was sent to where a webhook was says nothing of where it is", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto id = fixture.add_webhook(webhook_at()).webhook.id;
  run(fixture);
  const OwedDelivery owed = only_owed(fixture);
  CHECK(fixture.content(owed.key).value().generation == 0);
  fixture.change_webhook(id, {"https://new.example/", {}, {}, {}, {}, {}});
  CHECK(fixture.content(owed.key).value().generation == 1);
  DeliveryReport gone = report(owed, DeliveryStatus::exhausted);
  gone.exhausted = ExhaustedCause::gone;
  gone.webhook_is_gone = true;
  const auto standing = fixture.record_delivery(gone).value();
  CHECK(standing.status == DeliveryStatus::pending);
  CHECK(standing.due == fixture.store().now().steady);
  CHECK_FALSE(standing.has_disabled);
  CHECK_FALSE(fixture.webhook(id).value().disabled);
  CHECK_FALSE(fixture.webhook(id).value().failing_since);
  CHECK(fixture.deliveries(id).at(0).attempts == 1);

  // Enabled again: what is said of the time before does not count either.
  fixture.change_webhook(id, {{}, {}, {}, {}, {}, true});
  fixture.change_webhook(id, {{}, {}, {}, {}, {}, false});
  gone.generation = 1;
  CHECK_FALSE(fixture.record_delivery(gone).value().has_disabled);
  gone.generation = 2;
  CHECK(fixture.record_delivery(gone).value().has_disabled);
}

TEST_CASE_TEMPLATE("what is said of a webhook in one transaction counts in its order", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto one = fixture.add_webhook(webhook_at()).webhook.id;
  const auto other = fixture.add_webhook(webhook_at("https://other.example/")).webhook.id;
  for (int i = 0; i < 3; ++i) run(fixture);
  std::vector<OwedDelivery> to_one;
  std::vector<OwedDelivery> to_other;
  for (const OwedDelivery& owed : fixture.owed())
    (owed.endpoint == api::endpoint_of(one) ? to_one : to_other).push_back(owed);
  REQUIRE(to_one.size() == 3);
  REQUIRE(to_other.size() == 3);
  fixture.record_deliveries(
      {report(to_one[0], DeliveryStatus::delivered), report(to_other[0], DeliveryStatus::pending),
       report(to_one[1], DeliveryStatus::pending), report(to_other[1], DeliveryStatus::delivered)});
  CHECK(fixture.webhook(one).value().failing_since == fixture.clock.wall());
  CHECK_FALSE(fixture.webhook(other).value().failing_since);
  // A success, a failure, a success.
  fixture.record_deliveries(
      {report(to_other[0], DeliveryStatus::delivered), report(to_one[1], DeliveryStatus::delivered),
       report(to_other[2], DeliveryStatus::pending), report(to_one[2], DeliveryStatus::delivered),
       report(to_other[2], DeliveryStatus::delivered)});
  CHECK_FALSE(fixture.webhook(one).value().failing_since);
  CHECK_FALSE(fixture.webhook(other).value().failing_since);
  CHECK(fixture.owed().empty());
}

TEST_CASE_TEMPLATE("whoever follows the store hears of every change of a webhook", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  ChangeRecorder& recorder = fixture.recorder();
  const auto id = fixture.add_webhook(webhook_at()).webhook.id;
  CHECK(recorder.take_webhook_changes() == 1);
  fixture.change_webhook(id, {"https://new.example/", {}, {}, {}, {}, {}});
  CHECK(recorder.take_webhook_changes() == 1);
  fixture.change_webhook(id, {{}, {}, {}, {}, {}, true});
  fixture.change_webhook(id, {{}, {}, {}, {}, {}, false});
  CHECK(recorder.take_webhook_changes() == 2);
  CHECK(fixture.rotate_secret(id));
  CHECK(recorder.take_webhook_changes() == 1);
  run(fixture);
  DeliveryReport gone = report(only_owed(fixture), DeliveryStatus::exhausted);
  gone.generation = fixture.content(gone.key).value().generation;
  gone.exhausted = ExhaustedCause::gone;
  gone.webhook_is_gone = true;
  CHECK(recorder.take_webhook_changes() == 0);
  CHECK(fixture.record_delivery(gone).value().has_disabled);
  CHECK(recorder.take_webhook_changes() == 1);
  CHECK(fixture.remove_webhook(id));
  CHECK(recorder.take_webhook_changes() == 1);
  CHECK_FALSE(fixture.remove_webhook(id));
  CHECK_FALSE(fixture.rotate_secret(id));
  CHECK(recorder.take_webhook_changes() == 0);
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

}  // namespace longhaul::tests
