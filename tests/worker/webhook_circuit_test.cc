#include <doctest/doctest.h>

#include <vector>

#include "tests/worker/naive_outbox.h"
#include "worker/webhooks/circuit.h"
#include "worker/webhooks/delivery_outcome.h"
#include "worker/webhooks/due_queue.h"

using namespace longhaul;
using namespace std::chrono_literals;
using api::DeliveryKey;
using storage::Addressee;
using tests::at;
using tests::owed;
using tests::take;
using worker::webhooks::AttemptSign;
using worker::webhooks::Circuit;
using worker::webhooks::CircuitLimits;
using worker::webhooks::DueQueue;
using worker::webhooks::EndpointSign;
using worker::webhooks::TransferEnd;
using worker::webhooks::TransferFault;

namespace {

constexpr std::uint64_t middle = std::uint64_t{1} << 63;  // no jitter
const CircuitLimits limits{3, 5s, 60s};

constexpr AttemptSign fails{EndpointSign::fails, std::nullopt};
constexpr AttemptSign works{EndpointSign::works, std::nullopt};

// The attempt has ended so, and the delivery is owed again at once.
void end(DueQueue& queue, std::int64_t key, const AttemptSign& sign, std::int64_t now) {
  queue.judge(DeliveryKey(key), sign, at(now), middle);
  queue.release(DeliveryKey(key));
  queue.put_off(DeliveryKey(key), at(now));
}

DueQueue::Limits queue_limits() {
  DueQueue::Limits some;
  some.circuit = limits;
  some.longest_hold = 1h;
  return some;
}

}  // namespace

TEST_CASE("circuit: opens after some failures in a row, and waits twice as long each time") {
  Circuit circuit;
  circuit.fail(at(0), false, {}, limits, middle);
  circuit.fail(at(0), false, {}, limits, middle);
  CHECK_FALSE(circuit.is_open());
  circuit.fail(at(0), false, {}, limits, middle);
  REQUIRE(circuit.is_open());
  CHECK(circuit.until() == at(5'000));
  circuit.fail(at(100), false, {}, limits, middle);  // was under way before
  CHECK(circuit.until() == at(5'000));
  std::int64_t now = 5'000;
  for (const std::int64_t wait : {10'000, 20'000, 40'000, 60'000, 60'000}) {
    circuit.fail(at(now), true, {}, limits, middle);
    CHECK(circuit.until() == at(now + wait));
    now += wait;
  }
  circuit.close();
  CHECK_FALSE(circuit.is_open());
  circuit.fail(at(now), false, {}, limits, middle);
  CHECK_FALSE(circuit.is_open());
}

TEST_CASE("circuit: waits have jitter") {
  for (const std::uint64_t random : {std::uint64_t{0}, ~std::uint64_t{0}}) {
    Circuit circuit;
    for (int i = 0; i < 3; ++i) circuit.fail(at(0), false, {}, limits, random);
    CHECK(circuit.until() == at(random == 0 ? 4'000 : 6'000));
  }
}

TEST_CASE("circuit: who asks to be left alone is, within bounds") {
  Circuit circuit;
  circuit.fail(at(0), false, 7s, limits, middle);
  REQUIRE(circuit.is_open());
  CHECK(circuit.until() == at(7'000));
  circuit.fail(at(0), false, 2s, limits, middle);
  CHECK(circuit.until() == at(7'000));
  circuit.succeed(false);  // was under way when it asked
  REQUIRE(circuit.is_open());
  circuit.fail(at(7'000), true, 24h, limits, middle);
  CHECK(circuit.until() == at(7'000 + 300'000));
  CHECK(circuit.opened_at() == at(0));
  circuit.succeed(true);
  CHECK_FALSE(circuit.is_open());

  for (int i = 0; i < 3; ++i) circuit.fail(at(0), false, {}, limits, middle);
  REQUIRE(circuit.is_open());
  circuit.succeed(false);  // a sign of life
  CHECK_FALSE(circuit.is_open());
}

TEST_CASE("circuit: its waits follow from the schedule of retries") {
  const auto usual = worker::webhooks::circuit_limits(worker::webhooks::default_retry_schedule());
  CHECK(usual.first_wait == 5s);
  CHECK(usual.longest_wait == 300s);
  const auto quick = worker::webhooks::circuit_limits({100ms, 250ms, 200ms});
  CHECK(quick.first_wait == 100ms);
  CHECK(quick.longest_wait == 250ms);
  const auto slow = worker::webhooks::circuit_limits({1h});
  CHECK(slow.first_wait == 300s);
  CHECK(worker::webhooks::circuit_limits({}).first_wait == 5s);
}

TEST_CASE("due queue: an open circuit lets one through at a time, and others are not concerned") {
  DueQueue queue(queue_limits());
  queue.read({}, true, at(0));
  for (int i = 1; i <= 20; ++i) queue.add(owed(i, 0, "dead"));
  for (int i = 1; i <= 8; ++i) REQUIRE(take(queue, at(1)) == DeliveryKey(i));
  for (int i = 1; i <= 8; ++i) end(queue, i, fails, 10);
  const auto news = queue.take_news();
  REQUIRE(news.size() == 1);  // the others were under way already
  CHECK(news[0].endpoint == "dead");
  CHECK(news[0].open_until == at(5'010));
  CHECK_FALSE(take(queue, at(5'009)));
  CHECK(queue.next_due() == at(5'010));
  queue.add(owed(100, 20, "alive"));
  CHECK(take(queue, at(20)) == DeliveryKey(100));
  queue.settle(DeliveryKey(100));

  CHECK(take(queue, at(5'010)) == DeliveryKey(9));  // of those that wait, the first
  CHECK_FALSE(take(queue, at(5'010)));
  end(queue, 9, fails, 5'020);
  CHECK(queue.take_news().at(0).open_until == at(15'020));
  CHECK_FALSE(take(queue, at(15'019)));
  CHECK(take(queue, at(15'020)) == DeliveryKey(10));
  end(queue, 10, works, 15'030);
  CHECK_FALSE(queue.take_news().at(0).open_until);
  for (int i = 0; i < 8; ++i) CHECK(take(queue, at(15'030)));
}

TEST_CASE("due queue: who asks to be left alone is, whatever was under way then succeeds") {
  DueQueue queue(queue_limits());
  queue.read({}, true, at(0));
  for (int i = 1; i <= 20; ++i) queue.add(owed(i, 0));
  for (int i = 1; i <= 8; ++i) REQUIRE(take(queue, at(0)) == DeliveryKey(i));
  end(queue, 1, {EndpointSign::fails, 60s}, 10);
  for (int i = 2; i <= 8; ++i) {
    queue.judge(DeliveryKey(i), works, at(20), middle);
    queue.settle(DeliveryKey(i));
  }
  const auto news = queue.take_news();
  REQUIRE(news.size() == 1);
  CHECK(news[0].open_until == at(60'010));
  CHECK_FALSE(queue.take(at(60'009)));
  REQUIRE(take(queue, at(60'010)) == DeliveryKey(9));
  end(queue, 9, works, 60'020);
  CHECK_FALSE(queue.take_news().at(0).open_until);
}

TEST_CASE("due queue: a success between failures keeps a circuit closed") {
  DueQueue queue(queue_limits());
  queue.read({}, true, at(0));
  queue.add(owed(1, 0));
  for (int i = 0; i < 50; ++i) {
    REQUIRE(take(queue, at(i)) == DeliveryKey(1));
    end(queue, 1, i % 3 == 2 ? works : fails, i);
  }
  CHECK(queue.take_news().empty());
}

TEST_CASE("due queue: what an open circuit holds back too long is to be given up") {
  DueQueue queue(queue_limits());
  queue.read({}, true, at(0));
  queue.add(owed(1, 0, "dead"));
  for (int i = 0; i < 3; ++i) {
    REQUIRE(take(queue, at(0)) == DeliveryKey(1));
    end(queue, 1, fails, 0);
  }
  queue.add(owed(2, 1, "dead"));
  REQUIRE(take(queue, at(3'600'000)) == DeliveryKey(1));
  end(queue, 1, fails, 3'600'000);
  // The second has been held back for an hour now; the first failed only just.
  CHECK(queue.next_due() == at(3'600'001));
  const auto turn = queue.take(at(3'600'001));
  REQUIRE(turn);
  CHECK(turn->key == DeliveryKey(2));
  CHECK(turn->give_up);
  queue.release(DeliveryKey(2));
  queue.settle(DeliveryKey(2));
  CHECK_FALSE(queue.take(at(3'600'001)));
}

TEST_CASE("due queue: what was late before its circuit opened is not given up for that") {
  DueQueue queue(queue_limits());
  queue.read({}, true, at(0));
  const std::int64_t now = 10 * 3'600'000;
  for (int i = 1; i <= 4; ++i) queue.add(owed(i, 0));
  for (int i = 1; i <= 3; ++i) REQUIRE(take(queue, at(now)) == DeliveryKey(i));
  for (int i = 1; i <= 3; ++i) end(queue, i, fails, now);
  CHECK_FALSE(queue.take(at(now)));
  CHECK(queue.next_due() == at(now + 5'000));
}

TEST_CASE("due queue: an endpoint that moves begins anew, and what it left behind says nothing of it") {
  DueQueue::Limits few = queue_limits();
  few.under_way_by_host = 6;
  few.under_way_by_endpoint = 3;
  DueQueue queue(few);
  queue.read({}, true, at(0));
  for (int i = 1; i <= 9; ++i) queue.add({DeliveryKey(i), {}, at(0), "webhook", "http://old:80"});
  for (int i = 1; i <= 3; ++i) REQUIRE(take(queue, at(0)));
  for (int i = 1; i <= 3; ++i) end(queue, i, fails, 0);
  REQUIRE(queue.take_news().size() == 1);
  REQUIRE(take(queue, at(5'000)) == DeliveryKey(1));
  queue.move({"webhook", "http://new:80"});
  CHECK_FALSE(queue.take_news().at(0).open_until);
  end(queue, 1, fails, 5'000);
  CHECK(queue.take_news().empty());
  for (int i = 0; i < 3; ++i) CHECK(take(queue, at(5'000)));
  queue.move({"webhook", "http://newer:80"});
  queue.move({"unknown", "http://newer:80"});
  CHECK(queue.under_way() == 3);
  // The places at the host that it left are taken until these have ended.
  for (int i = 11; i <= 19; ++i) queue.add({DeliveryKey(i), {}, at(5'000), "other", "http://new:80"});
  CHECK(take(queue, at(5'000)) == DeliveryKey(11));
  CHECK(take(queue, at(5'000)) == DeliveryKey(12));
  CHECK_FALSE(queue.take(at(5'000)));
}

TEST_CASE("due queue: an open circuit is closed when nothing is owed to its endpoint any more") {
  DueQueue queue(queue_limits());
  queue.read({}, true, at(0));
  queue.add(owed(1, 0));
  for (int i = 0; i < 3; ++i) {
    REQUIRE(take(queue, at(0)) == DeliveryKey(1));
    end(queue, 1, fails, 0);
  }
  REQUIRE(queue.take_news().size() == 1);
  REQUIRE(take(queue, at(5'000)) == DeliveryKey(1));
  queue.release(DeliveryKey(1));
  CHECK(queue.take_news().empty());
  queue.settle(DeliveryKey(1));
  CHECK_FALSE(queue.take_news().at(0).open_until);
}

TEST_CASE("due queue: the endpoints of one host share its places, and leave some for those that have none") {
  DueQueue::Limits few = queue_limits();
  few.under_way_by_host = 8;
  few.under_way_by_endpoint = 4;
  DueQueue queue(few);
  queue.read({}, true, at(0));
  std::int64_t last_key = 0;
  const auto add = [&](const char* endpoint, const char* origin = "http://host:80") {
    for (int i = 0; i < 10; ++i) queue.add({DeliveryKey(++last_key), {}, at(0), endpoint, origin});
  };
  add("a");
  for (int i = 1; i <= 4; ++i) CHECK(take(queue, at(0)) == DeliveryKey(i));
  CHECK_FALSE(take(queue, at(0)));
  add("b");
  CHECK(take(queue, at(0)) == DeliveryKey(11));
  CHECK(take(queue, at(0)) == DeliveryKey(12));
  CHECK_FALSE(take(queue, at(0)));
  add("c");
  CHECK(take(queue, at(0)) == DeliveryKey(21));
  CHECK_FALSE(take(queue, at(0)));
  add("d");
  CHECK(take(queue, at(0)) == DeliveryKey(31));
  add("e");
  CHECK_FALSE(take(queue, at(0)));  // eight
  CHECK_FALSE(queue.next_due());
  add("f", "http://other:80");
  CHECK(take(queue, at(0)) == DeliveryKey(51));
  queue.release(DeliveryKey(1));
  CHECK(take(queue, at(0)) == DeliveryKey(41));  // e, that has none
  queue.settle(DeliveryKey(1));
  for (int i = 0; i < 3; ++i) CHECK(take(queue, at(0)));  // f
  CHECK_FALSE(take(queue, at(0)));
}

TEST_CASE("due queue: what ended and is not recorded yet has no place, but there is only so much of it") {
  DueQueue::Limits few = queue_limits();
  few.unrecorded = 2;
  DueQueue queue(few);
  queue.read({}, true, at(0));
  for (int i = 1; i <= 5; ++i) queue.add(owed(i, 0));
  for (int i = 1; i <= 2; ++i) {
    REQUIRE(take(queue, at(0)) == DeliveryKey(i));
    queue.release(DeliveryKey(i));
  }
  CHECK(queue.under_way() == 0);
  CHECK_FALSE(take(queue, at(0)));
  CHECK_FALSE(queue.next_due());
  queue.add(owed(1, 0));  // it is here already
  queue.settle(DeliveryKey(1));
  CHECK(take(queue, at(0)) == DeliveryKey(3));
}

TEST_CASE("due queue: what is asked for again is brought forward") {
  DueQueue queue(queue_limits());
  queue.read({}, true, at(0));
  queue.add(owed(1, 50'000));
  queue.add(owed(2, 40'000));
  queue.add(owed(1, 10));
  CHECK(queue.next_due() == at(10));
  CHECK(take(queue, at(10)) == DeliveryKey(1));
  CHECK(queue.next_due() == at(40'000));
}

TEST_CASE("delivery outcome: what an answer says of the endpoint") {
  const auto sign = [](TransferFault fault, std::optional<int> status, Addressee addressee) {
    TransferEnd end;
    end.fault = fault;
    end.status = status;
    end.retry_after = 9s;
    return outcome_of(end, {5s}, 1, addressee, middle).sign;
  };
  using enum TransferFault;
  for (const Addressee addressee : {Addressee::callback, Addressee::webhook}) {
    CHECK(sign(none, 204, addressee).sign == EndpointSign::works);
    for (const int status : {408, 429, 500, 503})
      CHECK(sign(none, status, addressee).sign == EndpointSign::fails);
    for (const TransferFault fault : {dns_failed, connect_failed, tls_failed, timed_out, connection_lost})
      CHECK(sign(fault, std::nullopt, addressee).sign == EndpointSign::fails);
    CHECK(sign(address_refused, std::nullopt, addressee).sign == EndpointSign::none);
    CHECK(sign(none, 429, addressee).asked == 9s);
    CHECK(sign(none, 503, addressee).asked == 9s);
    CHECK_FALSE(sign(none, 500, addressee).asked);
  }
  for (const int status : {301, 400, 404, 410}) {
    CHECK(sign(none, status, Addressee::callback).sign == EndpointSign::works);
    CHECK(sign(none, status, Addressee::webhook).sign == EndpointSign::fails);
  }
}
