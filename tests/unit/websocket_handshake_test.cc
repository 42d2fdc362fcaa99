#include "server/streams/websocket_handshake.h"

#include <ostream>

#include <doctest/doctest.h>

#include "server/auth/gate.h"
#include "server/auth/header_list.h"

using namespace longhaul;
using namespace longhaul::server;

namespace {

constexpr std::string_view sample_key = "dGhlIHNhbXBsZSBub25jZQ==";

Request handshake() {
  Request request;
  request.method = "GET";
  request.path = "/ws";
  request.headers = {{"Host", "127.0.0.1"},
                     {"Upgrade", "websocket"},
                     {"Connection", "Upgrade"},
                     {"Sec-WebSocket-Version", "13"},
                     {"Sec-WebSocket-Key", std::string(sample_key)},
                     {"Sec-WebSocket-Protocol", "longhaul.v1"}};
  return request;
}

Request with(std::string_view name, const std::string& value) {
  Request request = handshake();
  for (auto& [key, old] : request.headers) {
    if (key == name) old = value;
  }
  return request;
}

int status_of(const Request& request) {
  const auto answer = accept_websocket(request);
  return answer ? answer->status : api::info(answer.error().code).status;
}

// The gate of a server whose key is "kä>".
std::string gate_says(const std::string& path, const std::string& protocols, const Headers& more = {}) {
  Request request = handshake();
  request.path = path;
  for (auto& [key, value] : request.headers) {
    if (key == "Sec-WebSocket-Protocol") value = protocols;
  }
  request.headers.insert(request.headers.end(), more.begin(), more.end());
  AccessOptions options;
  options.api_key = "k\xC3\xA4>";
  Headers extra;
  const auto problem = make_gate(options)(request, extra);
  return problem ? std::string(api::info(problem->code).name) : "";
}

}  // namespace

TEST_CASE("handshake: the sample of RFC 6455") {
  CHECK(websocket_accept(sample_key) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  const auto answer = accept_websocket(handshake());
  REQUIRE(answer);
  CHECK(answer->status == 101);
  CHECK(answer->headers == Headers{{"Upgrade", "websocket"},
                                   {"Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
                                   {"Sec-WebSocket-Protocol", "longhaul.v1"}});
}

TEST_CASE("handshake: HTTP/1.0 has no upgrades") {
  Request request = handshake();
  request.minor_version = 0;
  CHECK(status_of(request) == 426);
}

TEST_CASE("handshake: words of lists") {
  CHECK(status_of(with("Connection", "keep-alive , uPGRADE")) == 101);
  CHECK(status_of(with("Upgrade", "WebSocket")) == 101);
  CHECK(status_of(with("Sec-WebSocket-Protocol", "a,\tlonghaul.v1 ,b")) == 101);
  Request request = with("Sec-WebSocket-Protocol", "first");
  request.headers.emplace_back("sec-websocket-protocol", "longhaul.v1");
  CHECK(status_of(request) == 101);
  CHECK(words_of_header(request, "Sec-WebSocket-Protocol") ==
        std::vector<std::string_view>{"first", "longhaul.v1"});
  CHECK(words_of_header(with("Upgrade", " , ,a,, b "), "upgrade") == std::vector<std::string_view>{"a", "b"});
  CHECK(words_of_header(request, "Absent").empty());
}

TEST_CASE("handshake: what is no upgrade to version 13") {
  CHECK(status_of(with("Connection", "close")) == 426);
  CHECK(status_of(with("Connection", "Upgraded")) == 426);
  CHECK(status_of(with("Upgrade", "h2c")) == 426);
  for (const std::string version : {"", "8", "13,14", "13,13", "013"})
    CHECK(status_of(with("Sec-WebSocket-Version", version)) == 426);
  Request head = handshake();
  head.method = "HEAD";
  CHECK(status_of(head) == 426);
  const auto refusal = accept_websocket(with("Upgrade", ""));
  CHECK(refusal.error().headers ==
        decltype(refusal.error().headers){{"Upgrade", "websocket"}, {"Sec-WebSocket-Version", "13"}});
}

TEST_CASE("handshake: what is wrong with one") {
  for (const std::string key : {"", "AAAA", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZR==",
                                "dGhlIHNhbXBsZSBub25jZXh4", "dGhlIHNhbXBsZSBub25jZQ== "})
    CHECK(status_of(with("Sec-WebSocket-Key", key)) == 400);
  Request twice = handshake();
  twice.headers.emplace_back("Sec-WebSocket-Key", sample_key);
  CHECK(status_of(twice) == 400);
  for (const std::string protocols : {"", "longhaul", "LONGHAUL.V1", "longhaul.v1.1"})
    CHECK(status_of(with("Sec-WebSocket-Protocol", protocols)) == 400);
}

TEST_CASE("handshake: a key as a subprotocol") {
  const std::string right = "bearer.a8OkPg";  // k, two bytes of a-umlaut, >
  CHECK(gate_says("/ws", "longhaul.v1, " + right).empty());
  CHECK(gate_says("/ws", right).empty());
  for (const std::string wrong :
       {"longhaul.v1", "bearer.", "bearer.a8OkPw", "bearer.a8OkPg==", "bearer.a8OkP", "Bearer.a8OkPg",
        "bearer.a8OkPg, bearer.a8OkPg", "bearer.!", "a8OkPg"}) {
    CAPTURE(wrong);
    CHECK(gate_says("/ws", wrong) == "UNAUTHORIZED");
  }
  for (const std::string path : {"/tasks", "/ws/", "/WS", "/"})
    CHECK(gate_says(path, right) == "UNAUTHORIZED");
  CHECK(gate_says("/ws", "longhaul.v1", {{"Authorization", "Bearer k\xC3\xA4>"}}).empty());
  CHECK(gate_says("/ws", right, {{"Authorization", "Bearer x"}}) == "UNAUTHORIZED");
  CHECK(gate_says("/ws", right, {{"Authorization", ""}}) == "UNAUTHORIZED");
}
