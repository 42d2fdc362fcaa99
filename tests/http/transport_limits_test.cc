// Clients that are slow, large or many.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/http/transport_fixture.h"

using namespace longhaul;
using namespace longhaul::tests;

namespace {

constexpr auto soon = std::chrono::milliseconds(50);

server::HttpServerOptions with(std::size_t server::HttpServerOptions::*member, std::size_t value) {
  server::HttpServerOptions options;
  options.*member = value;
  return options;
}
server::HttpServerOptions with(base::Nanoseconds server::HttpServerOptions::*member,
                               base::Nanoseconds value) {
  server::HttpServerOptions options;
  options.*member = value;
  return options;
}

// While it lives, this process can open no more descriptors.
class NoMoreDescriptors {
 public:
  NoMoreDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit now = before_;
    const base::UniqueFd probe(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    now.rlim_cur = static_cast<rlim_t>(probe.get());  // the lowest free number: none below it is left
    ::setrlimit(RLIMIT_NOFILE, &now);
  }
  ~NoMoreDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("a head that takes too long") {
  Transport transport(with(&server::HttpServerOptions::head_time, soon));
  RawClient idle = transport.client();
  RawClient slow = transport.client();
  slow.send("GET /hello HTTP/1.1\r\nHost: a\r\nX-Request-Id: slow\r\nX-S");
  const Answer answer = slow.read();
  CHECK(answer.status == 408);
  CHECK(answer.header("Connection") == "close");
  CHECK(answer.header("X-Request-Id") == "slow");
  CHECK(slow.ended());
  // One that has said nothing has begun nothing.
  CHECK(idle.silent());
  CHECK(idle.exchange(get("/hello")).status == 200);
}

TEST_CASE("a head counts from its first byte, however it trickles") {
  Transport transport(with(&server::HttpServerOptions::head_time, soon));
  RawClient slow = transport.client();
  slow.send("G");
  // As many bytes as the time allows, but never a line too long.
  for (int sent = 0; slow.silent(); ++sent) {
    if (transport.on_loop([] { return true; }) && sent < 4000 && slow.silent()) slow.send("E");
  }
  CHECK(slow.read().status == 408);
}

TEST_CASE("a body that takes too long") {
  Transport transport(with(&server::HttpServerOptions::body_time, soon));
  RawClient slow = transport.client();
  slow.send(request("POST", "/echo", {"Content-Length: 5"}, "hell"));
  CHECK(slow.read().status == 408);
  CHECK(slow.ended());
  RawClient chunked = transport.client();
  chunked.send(request("POST", "/echo", {"Transfer-Encoding: chunked"}, "5\r\nhel"));
  CHECK(chunked.read().status == 408);
}

TEST_CASE("a body that was refused, and does not come") {
  Transport transport(with(&server::HttpServerOptions::body_time, soon),
                      [](const server::Request&, server::Headers&) {
                        return api::Problem{api::ErrorCode::unauthorized, "no", {}, {}, {}, {}};
                      });
  RawClient client = transport.client();
  CHECK(client.exchange(request("POST", "/echo", {"Content-Length: 5"}, "hell")).status == 401);
  CHECK(client.ended());
}

TEST_CASE("a connection that stays idle is closed without a word") {
  Transport transport(with(&server::HttpServerOptions::idle_time, soon));
  RawClient never = transport.client();
  RawClient once = transport.client();
  CHECK(once.exchange(get("/hello")).status == 200);
  CHECK(never.ended());
  CHECK(once.ended());
  transport.until([&] { return transport.server->counters().connections == 0; });
}

TEST_CASE("a parked request is not idle") {
  server::HttpServerOptions options;
  options.idle_time = options.head_time = options.body_time = soon;
  Transport transport(options);
  RawClient parked = transport.client();
  RawClient idle = transport.client();
  parked.send(post("/echo", "x") + get("/park"));
  CHECK(parked.read().status == 200);
  const server::Responder responder = transport.parked();
  CHECK(idle.ended());  // its time has run out, and so would have the other's
  responder.send(text_response(200, "still there"));
  CHECK(parked.read().body == "still there");
}

TEST_CASE("a body beyond the limit is refused as soon as it is known, and the answer can be read") {
  Transport transport(with(&server::HttpServerOptions::max_body_bytes, 1000));
  SUBCASE("by its length") {
    RawClient client = transport.client();
    client.send(request("POST", "/echo", {"Content-Length: 1001"}));
    CHECK(client.read().status == 413);
    CHECK(client.ended());
  }
  SUBCASE("by a chunk's size") {
    RawClient client = transport.client();
    client.send(request("POST", "/echo", {"Transfer-Encoding: chunked"}, "3e9\r\n"));
    CHECK(client.read().status == 413);
  }
  SUBCASE("by a client that sends it all before it reads") {
    RawClient client = transport.client();
    client.send(request("POST", "/echo", {"Content-Length: 8000000"}, std::string(8'000'000, 'x')));
    CHECK(client.read().status == 413);
    client.end_sending();
    CHECK(client.ended());
  }
  transport.until([&] { return transport.server->counters().connections == 0; });
}

TEST_CASE("bodies in flight have a budget") {
  server::HttpServerOptions options;
  options.bodies_in_flight_bytes = 1000;
  Transport transport(options);
  const std::string head = request("POST", "/echo", {"Content-Length: 800"});
  RawClient first = transport.client();
  first.send(head + std::string(700, 'x'));
  RawClient second = transport.client();
  // The first one's bytes are in before the second one's head is judged: they came before it.
  transport.until([&] { return transport.server->counters().connections == 2; });
  const Answer refused = second.exchange(head);
  CHECK(refused.status == 503);
  CHECK(refused.header("Retry-After") == "1");
  CHECK(refused.body.find("OVERLOADED") != std::string::npos);
  SUBCASE("chunks too") {
    RawClient third = transport.client();
    third.send(
        request("POST", "/echo", {"Transfer-Encoding: chunked"}, "190\r\n" + std::string(400, 'x') + "\r\n"));
    CHECK(third.read().status == 503);
  }
  CHECK(first.exchange(std::string(100, 'x')).status == 200);
  CHECK(transport.client().exchange(post("/echo", std::string(800, 'x'))).status == 200);
}

TEST_CASE("a body counts for as long as somebody keeps the request") {
  server::HttpServerOptions options;
  options.bodies_in_flight_bytes = 1000;
  options.port = 0;
  const auto server = server::make_http_server(options);
  std::optional<server::Request> kept;
  server->route("POST", "/keep", [&](const server::Request& request, const server::Responder& responder) {
    kept = request;
    responder.send(text_response(200, "kept"));
  });
  server->route("POST", "/forget", [&](const server::Request&, const server::Responder& responder) {
    kept.reset();
    responder.send(text_response(200, "forgotten"));
  });
  REQUIRE(server->start());
  const std::string body(600, 'x');
  RawClient client(server->port());
  CHECK(client.exchange(post("/keep", body)).status == 200);
  CHECK(RawClient(server->port()).exchange(post("/keep", body)).status == 503);
  CHECK(client.exchange(post("/forget", "")).status == 200);
  CHECK(client.exchange(post("/keep", body)).status == 200);
  server->stop();
}

TEST_CASE("more connections than the server takes") {
  Transport transport(with(&server::HttpServerOptions::max_connections, 3));
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<RawClient>(transport.port()));
    CHECK(clients.back()->exchange(get("/hello")).status == 200);
  }
  RawClient refused = transport.client();
  const Answer answer = refused.read();
  CHECK(answer.status == 503);
  CHECK(answer.header("Retry-After") == "1");
  CHECK(refused.ended());
  refused.close();
  for (const auto& client : clients) CHECK(client->exchange(get("/hello")).status == 200);
  clients.pop_back();
  transport.until([&] { return transport.server->counters().connections == 2; });
  CHECK(transport.client().exchange(get("/hello")).status == 200);
}

TEST_CASE("no descriptor left: clients are told, and the server goes on") {
  Transport transport;
  RawClient before = transport.client();
  CHECK(before.exchange(get("/hello")).status == 200);
  {
    std::vector<base::UniqueFd> sockets;  // made while descriptors last
    sockets.reserve(3);
    for (int i = 0; i < 3; ++i) sockets.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const NoMoreDescriptors limit;
    std::vector<std::unique_ptr<RawClient>>
        clients;  // kept, so that none of them leaves its descriptor to the server
    for (base::UniqueFd& socket : sockets) {
      clients.push_back(std::make_unique<RawClient>(transport.port(), std::move(socket)));
      const Answer answer = clients.back()->read();
      CHECK(answer.status == 503);
      CHECK(answer.header("Content-Type") == "application/problem+json");
      CHECK(clients.back()->ended());
    }
    CHECK(before.exchange(get("/hello")).status == 200);
  }
  CHECK(transport.client().exchange(get("/hello")).status == 200);
}

TEST_CASE("a client that reads slowly holds up nobody, and gets all of its answers") {
  Transport transport;
  RawClient slow(transport.port(), 4096);
  slow.send(get("/big?bytes=3000000") + get("/big?bytes=3000000") + get("/hello"));
  RawClient quick = transport.client();
  for (int i = 0; i < 20; ++i) CHECK(quick.exchange(get("/hello")).status == 200);
  CHECK(slow.read().body.size() == 3'000'000);
  CHECK(slow.read().body.size() == 3'000'000);
  CHECK(slow.read().status == 200);
}

TEST_CASE("a client that asks and does not read is not answered any further") {
  Transport transport;
  RawClient client(transport.port(), 4096);
  constexpr int asked = 100;
  std::string requests;
  for (int i = 0; i < asked; ++i) requests += get("/big?bytes=1000000");
  client.send(requests);
  // The system's buffers take a few answers, and ours the one that did not fit.
  transport.until([&] { return transport.server->counters().requests > 0; });
  for (int i = 0; i < 200; ++i) (void)transport.on_loop([] { return true; });
  CHECK(transport.server->counters().requests < asked / 2);
  for (int i = 0; i < asked; ++i) REQUIRE(client.read().body.size() == 1'000'000);
}

TEST_CASE("a client that hangs up in the middle of its answer") {
  Transport transport;
  for (int i = 0; i < 5; ++i) {
    RawClient client(transport.port(), 4096);
    client.send(get("/big?bytes=5000000"));
    (void)client.read_head();
    client.reset();
  }
  transport.until([&] { return transport.server->counters().connections == 0; });
  CHECK(transport.client().exchange(get("/hello")).status == 200);
}

TEST_CASE("what a client sends while its request is in flight stays with the system") {
  Transport transport;
  RawClient client = transport.client();
  client.send(get("/park"));
  const server::Responder responder = transport.parked();
  std::string more;
  for (int i = 0; i < 500; ++i) more += get("/hello");
  client.send(more);
  (void)transport.on_loop([] { return true; });
  CHECK(client.silent());
  CHECK(transport.server->counters().requests == 1);
  responder.send(text_response(200, "first"));
  CHECK(client.read().body == "first");
  for (int i = 0; i < 500; ++i) REQUIRE(client.read().status == 200);
}
