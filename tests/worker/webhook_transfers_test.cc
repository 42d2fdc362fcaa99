#include <doctest/doctest.h>

#include <filesystem>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "tests/worker/hand_receiver.h"
#include "tests/worker/patience.h"
#include "worker/webhooks/transfers.h"

using namespace longhaul;
using namespace std::chrono_literals;
using api::DeliveryKey;
using tests::HandReceiver;
using worker::webhooks::AddressGuard;
using worker::webhooks::AddressRange;
using worker::webhooks::TransferEnd;
using worker::webhooks::TransferFault;
using worker::webhooks::Transfers;
using Deed = tests::HandReceiver::Deed;

namespace {

AddressGuard loopback_guard() { return AddressGuard{{{AddressRange::parse("127.0.0.0/8").value()}, {}}}; }

std::ptrdiff_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return std::distance(begin(all), end(all));
}

struct Sender {
  AddressGuard guard = loopback_guard();
  Transfers transfers;

  explicit Sender(Transfers::Options options = {}) : transfers(with_guard(std::move(options))) {
    REQUIRE(transfers.open().ok());
  }

  void begin(const std::string& url, const std::string& body = "{}") {
    transfers.begin({DeliveryKey(++begun_), url, body, {"content-type: application/json"}});
  }
  // All that is under way.
  std::vector<TransferEnd> finish() {
    std::vector<TransferEnd> ended;
    for (tests::Patience left("transfers to end"); !transfers.empty();) {
      for (TransferEnd& one : transfers.advance()) ended.push_back(std::move(one));
      if (!transfers.empty()) transfers.wait(base::SystemClock().boot() + 1s);
      left.yield();
    }
    return ended;
  }
  TransferEnd send(const std::string& url, const std::string& body = "{}") {
    begin(url, body);
    auto ended = finish();
    REQUIRE(ended.size() == 1);
    CHECK(ended[0].key == DeliveryKey(begun_));
    return std::move(ended[0]);
  }

 private:
  Transfers::Options with_guard(Transfers::Options options) const {
    options.guard = &guard;
    options.user_agent = "test";
    return options;
  }

  std::int64_t begun_ = 0;
};

void check_delivered(const TransferEnd& end, const HandReceiver& receiver) {
  CHECK(end.fault == TransferFault::none);
  CHECK(end.status == 204);
  CHECK(end.remote_address == receiver.address());
}

const std::string long_body(3'000'000, 'x');

}  // namespace

TEST_CASE("transfers: a connection is used again") {
  HandReceiver receiver;
  Sender sender;
  for (int i = 0; i < 5; ++i) check_delivered(sender.send(receiver.url()), receiver);
  CHECK(receiver.requests() == 5);
  CHECK(receiver.connections() == 1);
}

TEST_CASE("transfers: several at once have a connection each, and at most so many are kept") {
  HandReceiver receiver;
  Transfers::Options options;
  options.most_connections = 3;
  Sender sender(options);
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 10; ++i) sender.begin(receiver.url());
    CHECK(sender.finish().size() == 10);
    receiver.wait_for_open(3);
  }
  CHECK(receiver.connections() <= 17);
}

TEST_CASE("transfers: a kept connection that was closed meanwhile costs nothing") {
  HandReceiver receiver([](int, int) { return Deed::answer_and_close; });
  Sender sender;
  for (int i = 0; i < 3; ++i) {
    check_delivered(sender.send(receiver.url()), receiver);
    receiver.wait_for_open(0);
  }
  CHECK(receiver.connections() == 3);
}

TEST_CASE("transfers: a kept connection that ends as a request is sent over it costs nothing") {
  for (const Deed deed : {Deed::close, Deed::reset}) {
    for (const std::string& body : {std::string("{}"), long_body}) {
      CAPTURE(static_cast<int>(deed));
      CAPTURE(body.size());
      HandReceiver receiver([deed](int connection, int request) {
        return connection == 0 && request == 1 ? deed : Deed::answer;
      });
      Sender sender;
      for (int i = 0; i < 3; ++i) check_delivered(sender.send(receiver.url(), body), receiver);
      CHECK(receiver.connections() == 2);
    }
  }
}

TEST_CASE("transfers: who hangs up on a new connection too is asked no third time") {
  HandReceiver receiver([](int connection, int request) {
    return connection == 0 && request == 0 ? Deed::answer : Deed::close;
  });
  Sender sender;
  check_delivered(sender.send(receiver.url()), receiver);
  const TransferEnd lost = sender.send(receiver.url());
  CHECK(lost.fault == TransferFault::connection_lost);
  CHECK(lost.remote_address == receiver.address());
  CHECK(receiver.requests() == 3);
  CHECK(receiver.connections() == 2);
}

TEST_CASE("transfers: who has begun to answer is not asked again at once") {
  HandReceiver receiver([](int, int request) { return request == 0 ? Deed::answer : Deed::announce; });
  Sender sender;
  check_delivered(sender.send(receiver.url()), receiver);
  CHECK(sender.send(receiver.url()).fault == TransferFault::connection_lost);
  CHECK(receiver.requests() == 2);
}

TEST_CASE("transfers: a connection with a request that timed out is not used again") {
  HandReceiver receiver([](int connection, int) { return connection == 0 ? Deed::hang : Deed::answer; });
  Transfers::Options options;
  options.timeout = 100ms;
  Sender sender(options);
  const TransferEnd silent = sender.send(receiver.url());
  CHECK(silent.fault == TransferFault::timed_out);
  CHECK(silent.remote_address == receiver.address());
  receiver.wait_for_open(0);
  options.timeout = 60s;
  check_delivered(sender.send(receiver.url()), receiver);
  CHECK(receiver.connections() == 2);
}

TEST_CASE("transfers: the guard judges each request, also on a connection that is there") {
  HandReceiver receiver;
  Sender sender;
  check_delivered(sender.send(receiver.url()), receiver);
  sender.guard = AddressGuard{{}};
  for (int i = 0; i < 2; ++i) {
    const TransferEnd refused = sender.send(receiver.url());
    CHECK(refused.fault == TransferFault::address_refused);
    CHECK(refused.remote_address.empty());
    CHECK_FALSE(refused.status);
  }
  receiver.wait_for_open(0);
  sender.guard = loopback_guard();
  check_delivered(sender.send(receiver.url()), receiver);
  CHECK(receiver.requests() == 2);
  CHECK(receiver.connections() == 2);
}

TEST_CASE("transfers: one URL after another, also one that is none, and back") {
  HandReceiver one;
  HandReceiver other;
  Sender sender;
  for (int round = 0; round < 2; ++round) {
    check_delivered(sender.send(one.url()), one);
    check_delivered(sender.send(other.url() + "a/../b?c=d%20e"), other);
    for (const std::string url :
         {"http://[::1", "http://", "ftp://127.0.0.1/", "http://127.0.0.1:99999/", "", "?c"}) {
      CAPTURE(url);
      const TransferEnd end = sender.send(url);
      CHECK((end.fault == TransferFault::connect_failed || end.fault == TransferFault::connection_lost));
      CHECK(end.remote_address.empty());
      CHECK_FALSE(end.status);
    }
  }
  CHECK(one.requests() == 2);
  CHECK(other.requests() == 2);
}

TEST_CASE("transfers: nobody there") {
  std::string url;
  {
    HandReceiver receiver;
    url = receiver.url();
  }
  Sender sender;
  for (int i = 0; i < 2; ++i) {
    const TransferEnd end = sender.send(url);
    CHECK(end.fault == TransferFault::connect_failed);
    CHECK(end.remote_address.empty());
  }
}

TEST_CASE("transfers: with nothing under way for a while, all connections are closed") {
  HandReceiver receiver;
  Transfers::Options options;
  options.closes_when_idle_for = 20ms;
  Sender sender(options);
  for (int round = 1; round <= 2; ++round) {
    const auto before = open_descriptors();
    for (int i = 0; i < 4; ++i) sender.begin(receiver.url());
    CHECK(sender.finish().size() == 4);
    CHECK(open_descriptors() > before);
    sender.transfers.wait(std::nullopt);  // for nothing but that
    receiver.wait_for_open(0);
    CHECK(open_descriptors() == before);
    CHECK(receiver.connections() == 4 * round);
  }
}

TEST_CASE("transfers: while something is under way, connections stay open") {
  HandReceiver silent([](int, int) { return Deed::hang; });
  HandReceiver receiver;
  Transfers::Options options;
  options.closes_when_idle_for = 1ms;
  Sender sender(options);
  sender.begin(silent.url());
  for (int i = 0; i < 20; ++i) {
    sender.begin(receiver.url());
    for (tests::Patience left("an answer"); sender.transfers.advance().empty();) {
      sender.transfers.wait(base::SystemClock().boot() + 1s);
      left.yield();
    }
    sender.transfers.wait(base::SystemClock().boot() + 3ms);
  }
  CHECK(receiver.connections() == 1);
  sender.transfers.drop_all();
  silent.wait_for_open(0);
  receiver.wait_for_open(0);
  CHECK(sender.transfers.empty());
  check_delivered(sender.send(receiver.url()), receiver);
}
