// Answers given later, from anywhere, too often, too late or not at all.
#include <atomic>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "tests/http/transport_fixture.h"

using namespace longhaul;
using namespace longhaul::tests;

TEST_CASE("an answer from another thread") {
  Transport transport;
  RawClient client = transport.client();
  for (int i = 0; i < 50; ++i) {
    client.send(get("/park"));
    std::thread([responder = transport.parked(), i] {
      responder.send(text_response(200, std::to_string(i)));
    }).join();
    CHECK(client.read().body == std::to_string(i));
  }
  CHECK(transport.server->counters().in_flight == 0);
}

TEST_CASE("many threads answer many clients") {
  Transport transport;
  constexpr int clients_count = 64;
  std::vector<std::unique_ptr<RawClient>> clients;
  std::vector<server::Responder> responders;
  for (int i = 0; i < clients_count; ++i) {
    clients.push_back(std::make_unique<RawClient>(transport.port()));
    clients.back()->send(get("/park", {"X-Request-Id: " + std::to_string(i)}));
    responders.push_back(transport.parked());
    CHECK(responders.back().request_id() == std::to_string(i));
  }
  CHECK(transport.server->counters().in_flight == clients_count);
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = t; i < clients_count; i += 4) {
        responders[static_cast<std::size_t>(i)].send(text_response(200, "for " + std::to_string(i)));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < clients_count; ++i)
    CHECK(clients[static_cast<std::size_t>(i)]->read().body == "for " + std::to_string(i));
}

TEST_CASE("only the first answer counts") {
  Transport transport;
  RawClient client = transport.client();
  CHECK(client.exchange(post("/twice", "")).body == "first");
  client.send(get("/park"));
  const server::Responder responder = transport.parked();
  CHECK_FALSE(responder.answered());
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([responder] { responder.send(text_response(200, "one of eight")); });
  for (std::thread& thread : threads) thread.join();
  CHECK(responder.answered());
  responder.send(api::Problem{api::ErrorCode::not_found, "late", {}, {}, {}, {}});
  CHECK(client.read().body == "one of eight");
  CHECK(client.exchange(get("/hello")).status == 200);
}

TEST_CASE("a problem as an answer") {
  Transport transport;
  RawClient client = transport.client();
  client.send(get("/park", {"X-Request-Id: mine"}));
  transport.parked().send(
      api::Problem{api::ErrorCode::queue_full, "full", {}, {}, {}, {{"Retry-After", "7"}}});
  const Answer answer = client.read();
  CHECK(answer.status == 503);
  CHECK(answer.header("Retry-After") == "7");
  CHECK(answer.body.find("\"QUEUE_FULL\"") != std::string::npos);
  CHECK(answer.body.find("\"mine\"") != std::string::npos);
}

TEST_CASE("a responder let go of without an answer is a 500") {
  Transport transport;
  RawClient client = transport.client();
  CHECK(client.exchange(get("/drop")).status == 500);
  CHECK(client.exchange(get("/throw")).status == 500);
  client.send(get("/park"));
  { const server::Responder responder = transport.parked(); }
  const Answer answer = client.read();
  CHECK(answer.status == 500);
  CHECK(answer.body.find("on purpose") == std::string::npos);
  CHECK(client.exchange(get("/hello")).status == 200);
}

TEST_CASE("headers of a handler that would break the answer are left out") {
  Transport transport;
  RawClient client = transport.client();
  client.send(get("/park"));
  server::Response response = text_response(200, "body");
  response.headers = {{"Location", "/x\r\nSet-Cookie: a=b"}, {"X-Bad\n", "y"}, {"Content-Length", "0"},
                      {"transfer-encoding", "chunked"},      {"", "z"},        {"X-Good", "y"}};
  transport.parked().send(std::move(response));
  const Answer answer = client.read();
  CHECK(answer.body == "body");
  CHECK(answer.header("X-Good") == "y");
  CHECK(answer.headers.size() == 5);
}

TEST_CASE("a client that has only finished sending gets its answer") {
  Transport transport;
  RawClient client = transport.client();
  client.send(get("/hello") + get("/park"));
  client.end_sending();
  CHECK(client.read().status == 200);
  const server::Responder responder = transport.parked();
  (void)transport.on_loop([] { return true; });
  CHECK(transport.hung_up.count() == 0);
  CHECK(transport.server->counters().in_flight == 1);
  responder.send(text_response(200, "after the end"));
  CHECK(client.read().body == "after the end");
  CHECK(client.ended());
  transport.until([&] { return transport.server->counters().connections == 0; });
}

TEST_CASE("half a request and an end is no request") {
  Transport transport;
  RawClient client = transport.client();
  client.send("GET /hello HTTP/1.1\r\nHo");
  client.end_sending();
  CHECK(client.ended());
  transport.until([&] { return transport.server->counters().connections == 0; });
}

TEST_CASE("a hang-up is told once, and a late answer does no harm") {
  Transport transport;
  RawClient client = transport.client();
  client.send(get("/park"));
  const server::Responder responder = transport.parked();
  client.reset();
  CHECK(transport.hung_up.wait());
  transport.until([&] { return transport.server->counters().connections == 0; });
  responder.send(text_response(200, "too late"));
  CHECK(responder.answered());
  (void)transport.on_loop([] { return true; });
  CHECK(transport.hung_up.count() == 1);
  CHECK(transport.server->counters().in_flight == 0);
  RawClient other = transport.client();
  CHECK(other.exchange(get("/hello")).status == 200);
}

TEST_CASE("a hang-up while a pipelined request waits behind") {
  Transport transport;
  RawClient client = transport.client();
  client.send(get("/park") + get("/hello"));
  const server::Responder responder = transport.parked();
  client.reset();
  CHECK(transport.hung_up.wait());
  transport.until([&] { return transport.server->counters().connections == 0; });
}

TEST_CASE("an answer never reaches a stranger who got the place of a client that left") {
  Transport transport;
  for (int round = 0; round < 20; ++round) {
    auto first = std::make_unique<RawClient>(transport.port());
    first->send(get("/park/old"));
    const server::Responder old = transport.parked();
    first->reset();
    transport.until([&] { return transport.server->counters().connections == 0; });
    RawClient second = transport.client();
    second.send(get("/park/new"));
    const server::Responder fresh = transport.parked();
    old.send(text_response(200, "for the client that left"));
    (void)transport.on_loop([] { return true; });
    CHECK(second.silent());
    fresh.send(text_response(200, "for the stranger"));
    CHECK(second.read().body == "for the stranger");
    second.reset();
    transport.until([&] { return transport.server->counters().connections == 0; });
  }
}

TEST_CASE("the callback for a hang-up is let go of with the answer") {
  Transport transport;
  RawClient client = transport.client();
  client.send(get("/park"));
  const server::Responder responder = transport.parked();
  auto token = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = token;
  transport.on_loop([&] {
    responder.on_hang_up([token, responder] {});  // holds its own responder too
    return true;
  });
  token.reset();
  CHECK_FALSE(watched.expired());
  responder.send(text_response(200, ""));
  CHECK(client.read().status == 200);
  transport.until([&] { return watched.expired(); });
}

TEST_CASE("a responder may outlive its server") {
  std::vector<server::Responder> kept;
  {
    Transport transport;
    RawClient client = transport.client();
    client.send(get("/park"));
    kept.push_back(transport.parked());
    client.reset();
    CHECK(transport.hung_up.wait());
  }
  kept[0].send(text_response(200, "nobody is there"));
  CHECK(kept[0].answered());
}

TEST_CASE("work and timers run on the loop's thread") {
  Transport transport;
  const auto loop_thread = transport.on_loop([] { return std::this_thread::get_id(); });
  CHECK(loop_thread != std::this_thread::get_id());
  const base::SystemClock clock;
  Signal third;
  std::vector<int> order;
  transport.on_loop([&] {
    const auto now = clock.boot();
    transport.server->call_at(now + std::chrono::milliseconds(20), [&, now] {
      order.push_back(3);
      CHECK(clock.boot() >= now + std::chrono::milliseconds(20));
      third.set();
    });
    transport.server->call_at(now + std::chrono::milliseconds(10), [&] { order.push_back(2); });
    transport.server->call_at(now, [&] { order.push_back(1); });
    const auto cancelled =
        transport.server->call_at(now + std::chrono::milliseconds(15), [&] { order.push_back(99); });
    transport.server->cancel_timer(cancelled);
    return true;
  });
  CHECK(third.wait());
  CHECK(order == std::vector<int>{1, 2, 3});
}
