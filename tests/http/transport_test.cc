// The transport over real sockets: requests in, answers out, connections kept.
#include <ostream>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "tests/http/framing_cases.h"
#include "tests/http/transport_fixture.h"

using namespace longhaul;
using namespace longhaul::tests;

TEST_CASE("an answer has its headers") {
  Transport transport;
  RawClient client = transport.client();
  const Answer answer = client.exchange(get("/hello"));
  CHECK(answer.status == 200);
  CHECK(answer.body == "{\"hello\":true}");
  CHECK(answer.header("Content-Length") == "14");
  CHECK(answer.header("Content-Type") == "text/plain");
  CHECK(answer.header("Date").size() == 29);
  CHECK(answer.header("X-Request-Id").size() == 13);
  CHECK(answer.count("Connection") == 0);
  CHECK(answer.headers.size() == 4);
}

TEST_CASE("refusals keep the connection") {
  Transport transport;
  RawClient client = transport.client();
  for (int round = 0; round < 3; ++round) {
    CHECK(client.exchange(get("/nowhere")).status == 404);
    CHECK(client.exchange(post("/hello", "body")).status == 405);
    CHECK(client.exchange(get("/status/422")).status == 422);
    CHECK(client.exchange(get("/drop")).status == 500);
    CHECK(client.exchange(get("/hello")).status == 200);
  }
  CHECK(transport.server->counters().connections == 1);
  CHECK(transport.server->counters().requests == 15);
}

TEST_CASE("a problem names itself and its request") {
  Transport transport;
  RawClient client = transport.client();
  const Answer answer = client.exchange(get("/nowhere", {"X-Request-Id: my id"}));
  CHECK(answer.header("Content-Type") == "application/problem+json");
  CHECK(answer.header("X-Request-Id") == "my id");
  CHECK(answer.body.find("\"code\":\"NOT_FOUND\"") != std::string::npos);
  CHECK(answer.body.find("\"request_id\":\"my id\"") != std::string::npos);
}

TEST_CASE("request ids: the client's own if it can be shown, else a new one each time") {
  Transport transport;
  RawClient client = transport.client();
  const auto id_for = [&](const std::string& own) {
    return client.exchange(get("/hello", {"X-Request-Id: " + own})).header("X-Request-Id");
  };
  CHECK(id_for("abc-123") == "abc-123");
  CHECK(id_for(std::string(128, 'x')) == std::string(128, 'x'));
  CHECK(id_for(std::string(129, 'x')).size() == 13);
  CHECK(id_for("").size() == 13);
  CHECK(id_for("a\tb").size() == 13);
  CHECK(id_for("\xC3\xA4").size() == 13);
  std::set<std::string> ids;
  for (int i = 0; i < 100; ++i) ids.insert(client.exchange(get("/hello")).header("X-Request-Id"));
  CHECK(ids.size() == 100);
}

TEST_CASE("wrong methods get 405 with Allow, unknown paths 404, whatever the method") {
  Transport transport;
  RawClient client = transport.client();
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW", "CONNECT", "get"}) {
    const Answer known = client.exchange(request(method, "/hello"));
    CHECK(known.status == 405);
    CHECK(known.header("Allow") == "GET, HEAD, OPTIONS");
    CHECK(client.exchange(request(method, "/nowhere")).status == 404);
  }
}

TEST_CASE("OPTIONS") {
  Transport transport;
  RawClient client = transport.client();
  const Answer answer = client.exchange(request("OPTIONS", "/echo"));
  CHECK(answer.status == 204);
  CHECK(answer.header("Allow") == "OPTIONS, POST");
  CHECK(answer.count("Content-Length") == 0);
  CHECK(answer.count("Content-Type") == 0);
  CHECK(client.exchange(request("OPTIONS", "/nowhere")).status == 404);
  CHECK(client.exchange(request("OPTIONS", "*")).status == 204);
}

TEST_CASE("HEAD answers as GET, without the body") {
  Transport transport;
  RawClient client = transport.client();
  const Answer answer = client.exchange(request("HEAD", "/hello"));
  CHECK(answer.status == 200);
  CHECK(answer.header("Content-Length") == "14");
  CHECK(client.exchange(request("HEAD", "/big?bytes=300000")).header("Content-Length") == "300000");
  CHECK(client.exchange(request("HEAD", "/nowhere")).status == 404);
  CHECK(client.exchange(request("HEAD", "/drop")).status == 500);
  const Answer after = client.exchange(get("/hello"));
  CHECK(after.body == "{\"hello\":true}");
  client.send("HEAD /hello HTTP/1.1\r\nno\r\n\r\n");
  CHECK(client.read(true).status == 400);
  CHECK(client.ended());
}

TEST_CASE("answers without a body by their status") {
  Transport transport;
  RawClient client = transport.client();
  for (const char* path : {"/status/204", "/status/304"}) {
    const Answer answer = client.exchange(get(path));
    CHECK(answer.count("Content-Length") == 0);
    CHECK(answer.count("Content-Type") == 0);
  }
  CHECK(client.exchange(get("/hello")).status == 200);
  CHECK(client.exchange(get("/status/99")).status == 500);
}

TEST_CASE("the handler sees the request as it came") {
  Transport transport;
  RawClient client = transport.client();
  const Answer answer =
      client.exchange(post("/echo/a%2Fb/%C3%A4?x=1&y=a+b&x=%2B", "the body", {"X-One: a", "x-one: %41"}));
  CHECK(answer.body ==
        "POST /echo/a/b/\xC3\xA4 from 127.0.0.1\n?x=1\n?y=a b\n?x=+\n:one=a/b\n:two=\xC3\xA4\n"
        "Host=127.0.0.1\nX-One=a\nx-one=%41\nContent-Length=8\nthe body");
}

TEST_CASE("chunked bodies arrive whole, their trailers do not") {
  Transport transport;
  RawClient client = transport.client();
  const std::string bytes = request("POST", "/echo", {"Transfer-Encoding: chunked"},
                                    "5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nX-Late: 1\r\n\r\n");
  const Answer answer = client.exchange(bytes);
  CHECK(answer.body.substr(answer.body.size() - 7) == "\nhello!");
  CHECK(answer.body.find("Late") == std::string::npos);
}

TEST_CASE("bodies up to the limit") {
  Transport transport;
  RawClient client = transport.client();
  const std::string body(api::limits::body_bytes, 'x');
  const Answer answer = client.exchange(post("/echo", body));
  CHECK(answer.status == 200);
  CHECK(answer.body.size() > body.size());
}

TEST_CASE("pipelined requests are answered in order") {
  Transport transport;
  RawClient client = transport.client();
  client.send(get("/hello") + get("/nowhere") + post("/echo", "x") + get("/park") + get("/big?bytes=100000") +
              request("HEAD", "/hello") + get("/hello"));
  CHECK(client.read().status == 200);
  CHECK(client.read().status == 404);
  CHECK(client.read().status == 200);
  CHECK(client.silent());
  transport.parked().send(text_response(202, "parked"));
  CHECK(client.read().status == 202);
  CHECK(client.read().body.size() == 100000);
  CHECK(client.read(true).status == 200);
  CHECK(client.read().status == 200);
}

TEST_CASE("thousands of pipelined requests, sent before an answer is read") {
  Transport transport;
  RawClient client = transport.client();
  std::string all;
  for (int i = 0; i < 3000; ++i) all += get("/hello", {"X-Request-Id: " + std::to_string(i)});
  client.send(all);
  for (int i = 0; i < 3000; ++i) REQUIRE(client.read().header("X-Request-Id") == std::to_string(i));
}

TEST_CASE("requests in any pieces") {
  Transport transport;
  RawClient client = transport.client();
  const std::string all = post("/echo", "hello") + get("/hello") +
                          request("POST", "/echo", {"Transfer-Encoding: chunked"}, "3\r\nabc\r\n0\r\n\r\n");
  for (std::size_t at = 1; at < all.size(); at += 7) {
    client.send(all.substr(0, at));
    (void)transport.on_loop([] { return true; });
    client.send(all.substr(at));
    CHECK(client.read().status == 200);
    CHECK(client.read().status == 200);
    CHECK(client.read().status == 200);
  }
}

TEST_CASE("close and keep-alive") {
  Transport transport;
  SUBCASE("asked to close") {
    RawClient client = transport.client();
    const Answer answer = client.exchange(get("/hello", {"Connection: close"}));
    CHECK(answer.header("Connection") == "close");
    CHECK(client.ended());
  }
  SUBCASE("HTTP/1.0") {
    RawClient client = transport.client();
    CHECK(client.exchange("GET /hello HTTP/1.0\r\n\r\n").header("Connection") == "close");
    CHECK(client.ended());
  }
  SUBCASE("HTTP/1.0, asked to keep") {
    RawClient client = transport.client();
    const std::string bytes = "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    CHECK(client.exchange(bytes).header("Connection") == "keep-alive");
    CHECK(client.exchange(bytes).status == 200);
  }
  SUBCASE("what follows a request that closes is not answered") {
    RawClient client = transport.client();
    client.send(get("/hello", {"Connection: close"}) + get("/hello"));
    CHECK(client.read().status == 200);
    CHECK(client.ended());
  }
  transport.until([&] { return transport.server->counters().connections <= 1; });
}

TEST_CASE("headers that cpp-httplib would act upon change nothing") {
  Transport transport;
  RawClient client = transport.client();
  const Answer answer = client.exchange(
      get("/hello", {"Range: bytes=0-1", "Upgrade: websocket", "Connection: Upgrade", "Accept: ;;q=x",
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "X-Forwarded-For: 1.2.3.4",
                     "REMOTE_ADDR: 1.2.3.4", "Accept-Encoding: gzip, br", "If-Range: x"}));
  CHECK(answer.status == 200);
  CHECK(answer.body == "{\"hello\":true}");
  const Answer form = client.exchange(
      post("/echo?q=1", "a=%41", {"Content-Type: application/x-www-form-urlencoded", "Expect:100-continue"}));
  CHECK(form.body.find("?a=") == std::string::npos);
  CHECK(client.exchange(post("/echo", "junk", {"Content-Type: multipart/form-data; boundary=x"})).status ==
        200);
  CHECK(client.exchange(post("/echo", "junk", {"Content-Encoding: gzip"})).status == 200);
}

TEST_CASE("100-continue") {
  Transport transport;
  RawClient client = transport.client();
  const std::string head = request("POST", "/echo", {"Content-Length: 5", "Expect: 100-continue"});
  SUBCASE("is sent to a client that waits for it") {
    client.send(head);
    CHECK(client.read_head().status == 100);
    CHECK(client.silent());
    CHECK(client.exchange("hello").status == 200);
    CHECK(client.exchange(get("/hello")).status == 200);
  }
  SUBCASE("is spared one that does not wait") {
    client.send(head + "hello");
    CHECK(client.read().status == 200);
  }
  SUBCASE("is not sent where there is no body") {
    client.send(request("POST", "/echo", {"Content-Length: 0", "Expect: 100-continue"}));
    CHECK(client.read().status == 200);
  }
  SUBCASE("is not sent to HTTP/1.0") {
    client.send(
        "POST /echo HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: keep-alive\r\n\r\n");
    (void)transport.on_loop([] { return true; });
    CHECK(client.silent());
    CHECK(client.exchange("hello").status == 200);
  }
  SUBCASE("is not sent for a body that would be refused") {
    client.send(request("POST", "/echo", {"Content-Length: 9999999", "Expect: 100-continue"}));
    CHECK(client.read_head().status == 413);
  }
}

TEST_CASE("every malformed request is refused and its connection closed") {
  Transport transport;
  for (const auto& item : refused_requests()) {
    CAPTURE(item.what);
    RawClient client = transport.client();
    client.send(item.bytes);
    const Answer answer = client.read();
    CHECK(answer.status == item.status);
    CHECK(answer.header("Connection") == "close");
    CHECK(answer.header("Content-Type") == "application/problem+json");
    CHECK(answer.header("X-Request-Id").size() == 13);
    CHECK(client.ended());
  }
  transport.until([&] { return transport.server->counters().connections == 0; });
  CHECK(transport.server->counters().requests == 0);
}

TEST_CASE("answers of any size, in order") {
  Transport transport;
  RawClient client = transport.client();
  for (const std::size_t size : {0u, 1u, 16383u, 16384u, 16385u, 65536u, 1'000'000u, 20'000'000u}) {
    CHECK(client.exchange(get("/big?bytes=" + std::to_string(size))).body.size() == size);
  }
}
