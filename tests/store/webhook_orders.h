// Webhooks of the conformance suite, and what comes of deliveries to them. One thread.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "tests/store/store_fixture.h"

namespace longhaul::tests {

inline NewWebhook webhook_at(const std::string& url = "https://hooks.example.com/in") {
  return {url, {}, ""};
}

inline TaskSnapshotPtr run(StoreFixture& fixture, AttemptOutcome outcome = AttemptOutcome::succeeded,
                           const std::string& type = "work", const std::string& queue = "default") {
  NewTask order = fixture.order();
  order.type = type;
  order.queue = queue;
  return fixture.finish(fixture.start(fixture.add(order)), outcome, false).task;
}

inline DeliveryReport report(const OwedDelivery& owed, api::DeliveryStatus status, int round = 0) {
  DeliveryReport report;
  report.key = owed.key;
  report.status = status;
  report.round = round;
  report.disable_after = 120h;
  if (status == api::DeliveryStatus::pending) report.backoff = 5s;
  if (status == api::DeliveryStatus::exhausted) report.exhausted = api::ExhaustedCause::attempts;
  report.attempt.emplace().error = status == api::DeliveryStatus::delivered ? "" : "BAD_STATUS";
  return report;
}

inline OwedDelivery only_owed(StoreFixture& fixture) {
  const auto owed = fixture.owed();
  REQUIRE(owed.size() == 1);
  return owed[0];
}

}  // namespace longhaul::tests
