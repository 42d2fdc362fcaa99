// The gate sees heads before bodies, and its headers go with whatever is answered.
#include <ostream>
#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

#include "tests/http/transport_fixture.h"

using namespace longhaul;
using namespace longhaul::tests;

namespace {

// Refuses whatever has "X-Refuse", throws at "X-Throw", and leaves a header on every answer.
std::optional<api::Problem> gate(const server::Request& request, server::Headers& extra) {
  extra.emplace_back("X-Gate",
                     request.method + " " + request.path + " " + std::to_string(request.body.size()));
  if (request.find_header("X-Throw") != nullptr) throw std::runtime_error("on purpose");
  if (request.find_header("X-Refuse") == nullptr) return std::nullopt;
  return api::Problem{api::ErrorCode::unauthorized, "no", {}, {}, {}, {{"WWW-Authenticate", "Bearer"}}};
}

server::HttpServerOptions small_bodies() {
  server::HttpServerOptions options;
  options.max_body_bytes = 1000;
  return options;
}

}  // namespace

TEST_CASE("what the gate refuses is refused before its body comes") {
  Transport transport({}, gate);
  RawClient client = transport.client();
  client.send(request("POST", "/echo", {"X-Refuse: 1", "Content-Length: 5"}));
  const Answer answer = client.read();
  CHECK(answer.status == 401);
  CHECK(answer.header("WWW-Authenticate") == "Bearer");
  CHECK(answer.header("X-Gate") == "POST /echo 0");
  CHECK(answer.count("Connection") == 0);
  SUBCASE("and the body, when it comes, is dropped") {
    client.send("hello" + get("/hello"));
    CHECK(client.read().status == 200);
  }
  SUBCASE("in pieces too") {
    client.send("he");
    (void)transport.on_loop([] { return true; });
    CHECK(client.exchange("llo" + get("/hello")).status == 200);
  }
  CHECK(transport.server->counters().requests == 1);
}

TEST_CASE("a refused chunked body is dropped, and must be sound for the connection to go on") {
  Transport transport({}, gate);
  RawClient client = transport.client();
  const std::string head = request("POST", "/echo", {"X-Refuse: 1", "Transfer-Encoding: chunked"});
  CHECK(client.exchange(head).status == 401);
  client.send("5\r\nhello\r\n0\r\n\r\n" + get("/hello"));
  CHECK(client.read().status == 200);
  SUBCASE("malformed later") {
    CHECK(client.exchange(head).status == 401);
    client.send("zz\r\n" + get("/hello"));
    CHECK(client.ended());
  }
  SUBCASE("malformed at once") {
    CHECK(client.exchange(head + "zz\r\n" + get("/hello")).status == 401);
    CHECK(client.ended());
  }
}

TEST_CASE("a refused request without a body keeps the connection, pipelined or not") {
  Transport transport({}, gate);
  RawClient client = transport.client();
  client.send(get("/hello", {"X-Refuse: 1"}) + get("/hello") + get("/hello", {"X-Refuse: 1"}));
  CHECK(client.read().status == 401);
  CHECK(client.read().status == 200);
  CHECK(client.read().status == 401);
}

TEST_CASE("a refused request whose sender waits for 100-continue ends the connection") {
  Transport transport({}, gate);
  RawClient client = transport.client();
  const Answer answer =
      client.exchange(request("POST", "/echo", {"X-Refuse: 1", "Content-Length: 5", "Expect: 100-continue"}));
  CHECK(answer.status == 401);
  CHECK(answer.header("Connection") == "close");
  CHECK(client.ended());
}

TEST_CASE("a refused body beyond the limit ends the connection") {
  Transport transport(small_bodies(), gate);
  RawClient client = transport.client();
  CHECK(client.exchange(request("POST", "/echo", {"X-Refuse: 1", "Content-Length: 1001"})).status == 401);
  CHECK(client.ended());
}

TEST_CASE("the gate's headers go with refusals that come after it") {
  Transport transport(small_bodies(), gate);
  const auto gate_header = [&](const std::string& bytes) {
    return transport.client().exchange(bytes).header("X-Gate");
  };
  CHECK(gate_header(get("/hello")) == "GET /hello 0");
  CHECK(gate_header(get("/nowhere")) == "GET /nowhere 0");
  CHECK(gate_header(post("/hello", "x")) == "POST /hello 0");
  CHECK(gate_header(get("/drop")) == "GET /drop 0");
  CHECK(gate_header(request("OPTIONS", "/hello")) == "OPTIONS /hello 0");
  CHECK(gate_header(request("POST", "/echo", {"Content-Length: 2000"})) == "POST /echo 0");  // 413
  CHECK(gate_header(request("POST", "/echo", {"Transfer-Encoding: chunked"}, "fff\r\n")) == "POST /echo 0");
  CHECK(gate_header(request("POST", "/echo", {"Transfer-Encoding: chunked"}, "-1\r\n")) == "POST /echo 0");
  CHECK(gate_header("GET /hello HTTP/1.1\r\n\r\n").empty());  // no head, no gate
}

TEST_CASE("and with an answer that comes later") {
  Transport transport({}, gate);
  RawClient client = transport.client();
  client.send(get("/park"));
  transport.parked().send(text_response(200, "late"));
  CHECK(client.read().header("X-Gate") == "GET /park 0");
}

TEST_CASE("a gate that throws lets nobody in") {
  Transport transport({}, gate);
  RawClient client = transport.client();
  CHECK(client.exchange(get("/hello", {"X-Throw: 1"})).status == 500);
  CHECK(transport.server->counters().requests == 0);
}
