#include <doctest/doctest.h>

#include <limits>
#include <random>
#include <string>

#include "tests/support/seed.h"
#include "worker/webhooks/delivery_outcome.h"
#include "worker/webhooks/retry_schedule.h"

using namespace longhaul;
using namespace worker::webhooks;
using namespace std::chrono_literals;
using api::DeliveryStatus;

TEST_CASE("webhook retries: the waits of the contract, each a fifth shorter to a fifth longer") {
  const auto seed = tests::test_seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const RetrySchedule schedule = default_retry_schedule();
  CHECK(schedule == RetrySchedule{5s, 5min, 30min, 2h, 5h, 10h, 10h});
  for (std::size_t i = 0; i < schedule.size(); ++i) {
    CAPTURE(i);
    const auto planned = static_cast<double>(schedule[i].count());
    double least = 2;
    double most = 0;
    for (int draw = 0; draw < 10'000; ++draw) {
      const auto wait = wait_after(schedule, static_cast<int>(i) + 1, std::nullopt, random());
      REQUIRE(wait.has_value());
      least = std::min(least, static_cast<double>(wait->count()) / planned);
      most = std::max(most, static_cast<double>(wait->count()) / planned);
    }
    CHECK(least == doctest::Approx(0.8).epsilon(0.01));
    CHECK(most == doctest::Approx(1.2).epsilon(0.01));
  }
  CHECK_FALSE(wait_after(schedule, 8, std::nullopt, 0));
  CHECK_FALSE(wait_after(schedule, std::numeric_limits<int>::max(), std::nullopt, 0));
  CHECK_FALSE(wait_after({}, 1, std::nullopt, 0));
}

TEST_CASE("webhook retries: a wait that the receiver asks for, within bounds and the number of attempts") {
  const RetrySchedule schedule{1s, 1s};
  CHECK(wait_after(schedule, 1, 90s, 0) == 90s);
  CHECK(wait_after(schedule, 1, 0s, 0) == asked_wait_min);
  CHECK(wait_after(schedule, 1, -5s, 0) == asked_wait_min);
  CHECK(wait_after(schedule, 1, 1000h, 0) == asked_wait_max);
  CHECK_FALSE(wait_after(schedule, 3, 90s, 0));
}

TEST_CASE("webhook outcome: the table") {
  const RetrySchedule schedule{10s};
  const std::uint64_t middle = std::numeric_limits<std::uint64_t>::max() / 2;
  const auto answered = [&](int status, int attempt = 1) {
    TransferEnd end;
    end.status = status;
    end.retry_after = 77s;
    return outcome_of(end, schedule, attempt, storage::Addressee::callback, middle);
  };
  for (const int status : {200, 201, 202, 204, 299}) {
    CAPTURE(status);
    CHECK(answered(status).status == DeliveryStatus::delivered);
    CHECK(answered(status).error.empty());
    CHECK(answered(status, 2).status == DeliveryStatus::delivered);
  }
  for (const int status : {300, 301, 302, 303, 304, 307, 308, 399}) {
    CAPTURE(status);
    CHECK(answered(status).error == "REDIRECT");
    CHECK(answered(status).status == DeliveryStatus::pending);
    CHECK(answered(status).backoff == 10s);
    CHECK(answered(status, 2).status == DeliveryStatus::exhausted);
    CHECK_FALSE(answered(status, 2).backoff);
  }
  for (const int status : {400, 401, 404, 418, 500, 502, 599, 999, 199}) {
    CAPTURE(status);
    CHECK(answered(status).error == "BAD_STATUS");
    CHECK(answered(status).backoff == 10s);
  }
  for (const int status : {429, 503}) {
    CAPTURE(status);
    CHECK(answered(status).error == "BAD_STATUS");
    CHECK(answered(status).backoff == 77s);
    CHECK(answered(status, 2).status == DeliveryStatus::exhausted);
  }
  CHECK(answered(410).error == "BAD_STATUS");
  CHECK(answered(410).status == DeliveryStatus::exhausted);

  const std::pair<TransferFault, std::string> faults[] = {
      {TransferFault::address_refused, "ADDRESS_REFUSED"},
      {TransferFault::dns_failed, "DNS_FAILED"},
      {TransferFault::connect_failed, "CONNECT_FAILED"},
      {TransferFault::tls_failed, "TLS_FAILED"},
      {TransferFault::timed_out, "TIMED_OUT"},
      {TransferFault::connection_lost, "CONNECTION_LOST"},
  };
  for (const auto& [fault, error] : faults) {
    TransferEnd end;
    end.fault = fault;
    CHECK(outcome_of(end, schedule, 1, storage::Addressee::callback, middle).error == error);
    CHECK(outcome_of(end, schedule, 1, storage::Addressee::callback, middle).backoff == 10s);
    CHECK(outcome_of(end, schedule, 2, storage::Addressee::callback, middle).status ==
          DeliveryStatus::exhausted);
  }
}
