// What a server that stops still does for those who are connected.
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "tests/http/transport_fixture.h"

using namespace longhaul;
using namespace longhaul::tests;

namespace {

// Stops the server while the test goes on, and sees that this takes no longer than it may.
class Stopping {
 public:
  explicit Stopping(Transport& transport) : transport_(transport) {
    transport.running = false;
    thread_ = std::thread([this] { transport_.server->stop(); });
  }
  ~Stopping() { thread_.join(); }
  Stopping(const Stopping&) = delete;
  Stopping& operator=(const Stopping&) = delete;

 private:
  Transport& transport_;
  std::thread thread_;
};

// What has been sent is in the server's socket; whether it has looked at it is another matter.
void let_it_arrive(Transport& transport, std::int64_t connections) {
  transport.until([&] { return transport.server->counters().connections == connections; });
}

}  // namespace

TEST_CASE("stop: half a request is read to its end and answered") {
  Transport transport;
  RawClient half_a_head = transport.client();
  half_a_head.send("GET /hello HTTP/1.1\r\nHo");
  RawClient half_a_body = transport.client();
  half_a_body.send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n12345");
  RawClient idle = transport.client();
  CHECK(idle.exchange(get("/hello")).status == 200);
  let_it_arrive(transport, 3);
  for (int i = 0; i < 20; ++i) (void)transport.on_loop([] { return true; });
  const Stopping stopping(transport);
  CHECK(idle.ended());  // now it stops
  half_a_head.send("st: x\r\n\r\n");
  Answer answer = half_a_head.read();
  CHECK(answer.status == 200);
  CHECK(answer.header("Connection") == "close");
  half_a_body.send("67890");
  CHECK(half_a_body.read().status == 200);
  CHECK(half_a_head.ended());
  CHECK(half_a_body.ended());
}

TEST_CASE(
    "stop: requests that wait unread in their sockets are answered, connections that were never used too") {
  Transport transport;
  Signal entered;
  Signal leave;
  std::vector<std::unique_ptr<RawClient>> kept;
  for (int i = 0; i < 50; ++i) {
    kept.push_back(std::make_unique<RawClient>(transport.port()));
    CHECK(kept.back()->exchange(get("/hello")).status == 200);
  }
  transport.server->post([&] {
    entered.set();
    (void)leave.wait();
  });
  REQUIRE(entered.wait());  // the loop sees nothing of what comes now before it stops
  for (const auto& client : kept) client->send(get("/hello"));
  const Stopping stopping(transport);
  std::vector<std::unique_ptr<RawClient>> fresh;  // by now the stop waits for the loop, too
  for (int i = 0; i < 300; ++i) {
    fresh.push_back(std::make_unique<RawClient>(transport.port()));
    if (i % 2 == 0) fresh.back()->send(get("/hello"));
  }
  leave.set();
  for (const auto& client : kept) CHECK(client->read().status == 200);
  for (std::size_t i = 1; i < fresh.size(); i += 2) fresh[i]->send(get("/hello"));
  for (const auto& client : fresh) CHECK(client->read().status == 200);
}

TEST_CASE(
    "stop: connections with nothing to do are closed at once, and a parked request keeps its own open") {
  Transport transport;
  RawClient idle = transport.client();
  CHECK(idle.exchange(get("/hello")).status == 200);
  RawClient waiting = transport.client();
  waiting.send(get("/park"));
  const server::Responder responder = transport.parked();
  const Stopping stopping(transport);
  CHECK(idle.ended());
  responder.send(text_response(200, "at last"));
  CHECK(waiting.read().body == "at last");
  CHECK(waiting.ended());
}

TEST_CASE("drain: every answer is the last one of its connection, on old connections and on new ones") {
  Transport transport;
  RawClient old = transport.client();
  Answer answer = old.exchange(get("/hello"));
  CHECK(answer.header("Connection") != "close");
  transport.server->begin_drain();
  (void)transport.on_loop([] { return true; });
  for (RawClient* client : {&old}) {
    answer = client->exchange(get("/hello"));
    CHECK(answer.status == 200);
    CHECK(answer.header("Connection") == "close");
    CHECK(client->ended());
  }
  RawClient fresh = transport.client();
  CHECK(fresh.exchange(get("/hello")).header("Connection") == "close");
}

TEST_CASE("the greatest body can be changed while the server runs") {
  Transport transport;
  RawClient client = transport.client();
  const std::string body(2u << 20, '1');
  const auto post = [&body] {
    return "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
  };
  // Requests that are being read meanwhile go by the old limit, and leave nothing of it behind.
  std::vector<std::unique_ptr<RawClient>> halves;
  for (int i = 0; i < 3; ++i) {
    halves.push_back(std::make_unique<RawClient>(transport.port()));
    halves.back()->send("GET /hello HTTP/1.1\r\nHo");
  }
  let_it_arrive(transport, 4);
  for (int i = 0; i < 20; ++i) (void)transport.on_loop([] { return true; });
  transport.server->set_max_body_bytes(4u << 20);
  (void)transport.on_loop([] { return true; });
  for (const auto& half : halves) {
    half->send("st: x\r\n\r\n");
    CHECK(half->read().status == 200);
  }
  for (int i = 0; i < 5; ++i) CHECK(client.exchange(post()).status == 200);
  transport.server->set_max_body_bytes(1u << 20);
  (void)transport.on_loop([] { return true; });
  RawClient other = transport.client();
  other.send(post().substr(0, 1000));
  CHECK(other.read().status == 413);
}
