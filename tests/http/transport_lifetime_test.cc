// Starting, stopping, and doing nothing.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "tests/http/transport_fixture.h"

using namespace longhaul;
using namespace longhaul::tests;

namespace {

std::size_t thread_count() {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task"))
    count += entry.exists() ? 1 : 0;
  return count;
}

std::size_t descriptor_count() {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    count += entry.exists() ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("a thousand idle connections take no thread") {
  Transport transport;
  (void)transport.on_loop([] { return true; });
  const std::size_t threads = thread_count();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 1000; ++i) {
    clients.push_back(std::make_unique<RawClient>(transport.port()));
    if (i % 2 == 0) CHECK(clients.back()->exchange(get("/hello")).status == 200);
  }
  transport.until([&] { return transport.server->counters().connections == 1000; });
  CHECK(thread_count() == threads);
  for (const auto& client : clients) CHECK(client->exchange(get("/hello")).status == 200);
}

TEST_CASE("a thousand parked requests take no thread") {
  Transport transport;
  std::vector<std::unique_ptr<RawClient>> clients;
  std::vector<server::Responder> responders;
  const std::size_t threads = thread_count();
  for (int i = 0; i < 1000; ++i) {
    clients.push_back(std::make_unique<RawClient>(transport.port()));
    clients.back()->send(get("/park"));
  }
  responders.reserve(1000);
  for (int i = 0; i < 1000; ++i) responders.push_back(transport.parked());
  CHECK(transport.server->counters().in_flight == 1000);
  CHECK(thread_count() == threads);
  for (const auto& responder : responders) responder.send(text_response(200, "at last"));
  for (const auto& client : clients) CHECK(client->read().status == 200);
}

TEST_CASE("stop() lets an answer out, takes no new client, and leaves nothing behind") {
  const std::size_t descriptors = descriptor_count();
  const std::size_t threads = thread_count();
  {
    Transport transport;
    RawClient waiting = transport.client();
    RawClient idle = transport.client();
    RawClient half = transport.client();
    waiting.send(get("/park"));
    const server::Responder responder = transport.parked();
    half.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Le");
    CHECK(idle.exchange(get("/hello")).status == 200);
    const std::uint16_t port = transport.port();
    std::thread stopping([&] { transport.server->stop(); });
    CHECK(idle.ended());
    CHECK_THROWS(RawClient(port));
    half.reset();
    responder.send(text_response(200, "the last answer"));
    const Answer answer = waiting.read();
    CHECK(answer.body == "the last answer");
    CHECK(answer.header("Connection") == "close");
    CHECK(waiting.ended());
    stopping.join();
    transport.running = false;
    CHECK(transport.hung_up.count() == 0);
  }
  CHECK(descriptor_count() == descriptors);
  CHECK(thread_count() == threads);
}

TEST_CASE("stop() does not wait for ever") {
  Transport transport;
  RawClient client = transport.client();
  client.send(get("/park"));
  const server::Responder responder = transport.parked();
  RawClient half = transport.client();
  half.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Le");
  transport.server->stop();
  transport.running = false;
  CHECK(client.ended());
  CHECK(half.ended());
  CHECK(transport.hung_up.count() == 1);
  responder.send(text_response(200, "too late"));
}

TEST_CASE("a server that was never started, and one that has nothing to do") {
  { const auto server = server::make_http_server({}); }
  Transport transport;
}

TEST_CASE("an address that cannot be listened on") {
  Transport transport;
  server::HttpServerOptions options;
  options.port = transport.port();
  auto taken = server::make_http_server(options)->start();
  REQUIRE_FALSE(taken);
  CHECK(taken.error().message.find("Address already in use") != std::string::npos);
  options.address = "localhost";
  CHECK_FALSE(server::make_http_server(options)->start());
}

TEST_CASE("a v6 address") {
  server::HttpServerOptions options;
  options.address = "::1";
  options.port = 0;
  const auto server = server::make_http_server(options);
  if (auto started = server->start(); !started) {
    MESSAGE("this machine has no IPv6: " << started.error().message);
    return;
  }
  CHECK(server->port() != 0);
  server->stop();
}

TEST_CASE("work posted before the start runs after it, work posted after the stop never") {
  server::HttpServerOptions options;
  options.port = 0;
  const auto server = server::make_http_server(options);
  Signal early;
  Signal late;
  server->post([&] { early.set(); });
  CHECK(early.count() == 0);
  REQUIRE(server->start());
  CHECK(early.wait());
  server->stop();
  server->post([&] { late.set(); });
  CHECK(late.count() == 0);
}
