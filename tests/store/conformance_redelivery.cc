// Deliveries to webhooks: given up and recovered, sent again, as a test; what is kept of them and how it is read.
#include <doctest/doctest.h>

#include <set>

#include "api/limits.h"
#include "tests/store/webhook_orders.h"

namespace longhaul::tests {

using api::DeliveryStatus;
using api::DisabledCause;
using api::ExhaustedCause;
using api::WebhookEvent;

TEST_CASE_TEMPLATE("what a disabled webhook misses is noted, and recovered when asked for", Engine,
                   STORE_ENGINES) {
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
  CHECK(fixture.record_delivery(report(owed, DeliveryStatus::delivered, 3)).value().status ==
        DeliveryStatus::delivered);
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

TEST_CASE_TEMPLATE("no delivery has the key of one that was removed", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto first = fixture.add_webhook(webhook_at()).webhook.id;
  CHECK(fixture.send_test(first).verdict == SendVerdict::owed);
  const OwedDelivery gone = only_owed(fixture);
  CHECK(fixture.remove_webhook(first));
  fixture.add_webhook(webhook_at());
  run(fixture);
  CHECK(only_owed(fixture).key > gone.key);
  CHECK_FALSE(fixture.record_delivery(report(gone, DeliveryStatus::delivered)));
}

TEST_CASE_TEMPLATE("the body of an event is kept once for all that it is owed to", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  for (int i = 0; i < 3; ++i) fixture.add_webhook(webhook_at());
  run(fixture);
  std::set<std::string> bodies;
  for (const OwedDelivery& owed : fixture.owed()) bodies.insert(fixture.content(owed.key).value().body);
  CHECK(fixture.owed().size() == 3);
  CHECK(bodies.size() == 1);
  CHECK_FALSE(bodies.begin()->empty());
}

TEST_CASE_TEMPLATE("tests of a webhook: of no task, and the last few are kept", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto id = fixture.add_webhook(webhook_at()).webhook.id;
  const SendOutcome sent = fixture.send_test(id);
  REQUIRE(sent.verdict == SendVerdict::owed);
  CHECK(sent.delivery.value().event == WebhookEvent::webhook_test);
  CHECK_FALSE(sent.delivery->task);
  CHECK(fixture.content(only_owed(fixture).key).value().body.find(id.get().text()) != std::string::npos);
  for (std::size_t i = 1; i < api::limits::pending_test_deliveries; ++i)
    CHECK(fixture.send_test(id).verdict == SendVerdict::owed);
  CHECK(fixture.send_test(id).verdict == SendVerdict::too_many);
  CHECK(fixture.owed().size() == api::limits::pending_test_deliveries);
  // Of those that are over the last are kept, and no pending one goes for them.
  for (std::size_t i = 0; i < 2 * api::limits::kept_test_deliveries; ++i) {
    fixture.record_delivery(report(fixture.owed().front(), DeliveryStatus::delivered));
    CHECK(fixture.send_test(id).verdict == SendVerdict::owed);
  }
  CHECK(fixture.owed().size() == api::limits::pending_test_deliveries);
  CHECK(fixture.deliveries(id).size() ==
        api::limits::kept_test_deliveries + api::limits::pending_test_deliveries);
  CHECK(fixture.store().figures().owed_deliveries ==
        static_cast<std::int64_t>(api::limits::pending_test_deliveries));
  CHECK(fixture.send_test(api::WebhookId(fixture.next_id())).verdict == SendVerdict::unknown);
  fixture.change_webhook(id, {{}, {}, {}, {}, {}, true});
  CHECK(fixture.send_test(id).verdict == SendVerdict::webhook_disabled);
}

TEST_CASE_TEMPLATE("the deliveries of a webhook are read in pages", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto id = fixture.add_webhook(webhook_at()).webhook.id;
  for (int i = 0; i < 7; ++i) run(fixture);
  const auto all = fixture.deliveries(id);
  REQUIRE(all.size() == 7);
  const auto owed = fixture.owed();
  for (std::size_t i = 0; i < owed.size(); i += 2)
    fixture.record_delivery(report(owed[i], DeliveryStatus::delivered));
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
