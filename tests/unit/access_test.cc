// Who may ask: server/auth.
#include <doctest/doctest.h>

#include <string>

#include "server/auth/content_type.h"
#include "server/auth/digest.h"
#include "server/auth/gate.h"
#include "server/auth/host_name.h"

namespace longhaul::server {
namespace {

Request request_with(Headers headers) {
  Request request;
  request.method = "GET";
  request.path = "/stats";
  request.headers = std::move(headers);
  return request;
}

// "" when the gate lets it through, else the code of the refusal.
std::string judge(const AccessOptions& options, Headers headers) {
  Headers extra;
  const auto problem = make_gate(options)(request_with(std::move(headers)), extra);
  return problem ? std::string(api::info(problem->code).name) : "";
}

std::string header(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return "";
}

}  // namespace

TEST_CASE("auth: SHA-256 is SHA-256") {
  CHECK(to_hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(to_hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(equal_in_constant_time(sha256("a"), sha256("a")));
  CHECK_FALSE(equal_in_constant_time(sha256("a"), sha256("b")));
}

TEST_CASE("auth: the parts of a Host header") {
  const auto name = parse_host("Example.COM:8080");
  REQUIRE(name);
  CHECK(name->name == "example.com");
  CHECK(name->port == "8080");
  CHECK(parse_host("[::1]")->name == "::1");
  CHECK(parse_host("[::1]:9")->port == "9");
  CHECK(parse_host("a_b.c-d")->port.empty());
  for (const char* wrong : {"", ":80", "a:", "a:b", "a:123456", "a b", "a/b", "user@host", "[::1", "[::1]x",
                            "[a]", "::1", "a:1:2", "a?b", "h\xC3\xA9"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_host(wrong));
  }
}

TEST_CASE("auth: which names can only mean this machine") {
  for (const char* name : {"localhost", "a.localhost", "127.0.0.1", "127.255.0.9", "::1"})
    CHECK(names_this_machine(name));
  for (const char* name : {"localhost.example.com", "127.0.0.1.example.com", ".localhost.x", "0.0.0.0",
                           "::", "10.0.0.1", "127.1", "0x7f.0.0.1", "xlocalhost", "2130706433"}) {
    CAPTURE(name);
    CHECK_FALSE(names_this_machine(name));
  }
}

TEST_CASE("auth: the Host rule holds on loopback without a key, and only there") {
  CHECK(judge({}, {{"Host", "localhost:1"}}).empty());
  CHECK(judge({}, {{"Host", "evil.com"}}) == "MISDIRECTED_REQUEST");
  CHECK(judge({}, {}) == "MISDIRECTED_REQUEST");
  CHECK(judge({true, {"good.com", "[fd00::1]"}, {}, {}}, {{"Host", "GOOD.com:5"}}).empty());
  CHECK(judge({true, {"good.com", "[fd00::1]"}, {}, {}}, {{"Host", "[FD00::1]:5"}}).empty());
  CHECK(judge({true, {"good.com"}, {}, {}}, {{"Host", "bad.good.com"}}) == "MISDIRECTED_REQUEST");
  CHECK(judge({false, {}, {}, {}}, {{"Host", "evil.com"}}).empty());
  CHECK(judge({true, {}, {}, "key"}, {{"Host", "evil.com"}, {"Authorization", "Bearer key"}}).empty());
}

TEST_CASE("auth: origins") {
  const AccessOptions options{true, {}, {"https://app.example.com"}, {}};
  const auto with = [&](const std::string& host, const std::string& origin) {
    return judge(options, {{"Host", host}, {"Origin", origin}});
  };
  CHECK(with("localhost:80", "http://localhost").empty());
  CHECK(with("localhost", "http://localhost:80").empty());
  CHECK(with("[::1]:5", "http://[::1]:5").empty());
  CHECK(with("localhost:5", "https://app.example.com").empty());
  for (const char* origin :
       {"http://localhost:6", "https://localhost:5", "http://127.0.0.1:5", "null", "", "localhost:5",
        "http://localhost:5/", "http://app.example.com", "https://app.example.com.", "file://"}) {
    CAPTURE(origin);
    CHECK(with("localhost:5", origin) == "ORIGIN_NOT_ALLOWED");
  }
  Headers extra;
  CHECK_FALSE(make_gate(options)(request_with({{"Host", "localhost"}}), extra));
  CHECK(header(extra, "Vary") == "Origin");
  CHECK(header(extra, "Access-Control-Allow-Origin").empty());
}

TEST_CASE("auth: keys") {
  const AccessOptions options{true, {}, {}, "secret"};
  const auto with = [&](const std::string& value) {
    return judge(options, {{"Host", "x"}, {"Authorization", value}});
  };
  CHECK(with("Bearer secret").empty());
  CHECK(with("bEARER  secret").empty());
  for (const char* value : {"", "Bearer", "Bearer ", "Bearer secret ", "Bearer secre", "Bearer SECRET",
                            "Basic secret", "secret"}) {
    CAPTURE(value);
    CHECK(with(value) == "UNAUTHORIZED");
  }
  CHECK(judge(options, {{"Host", "x"}}) == "UNAUTHORIZED");
  CHECK(judge(options,
              {{"Host", "x"}, {"Authorization", "Bearer secret"}, {"authorization", "Bearer secret"}}) ==
        "UNAUTHORIZED");

  Headers extra;
  Request probe = request_with({{"Host", "x"}});
  probe.path = "/livez";
  CHECK_FALSE(make_gate(options)(probe, extra));
  probe.path = "/livez/../stats";
  CHECK(make_gate(options)(probe, extra));
}

TEST_CASE("auth: bodies must say that they are JSON") {
  const auto accepted = [](Headers headers, std::string body = "{}") {
    Request request = request_with(std::move(headers));
    request.body = std::move(body);
    return !judge_content_type(request);
  };
  CHECK(accepted({}, ""));
  CHECK(accepted({{"Content-Type", "text/plain"}}, ""));
  CHECK_FALSE(accepted({}));
  for (const char* good : {"application/json", "APPLICATION/JSON", "application/json;charset=utf-8",
                           "application/json ; charset=\"UTF-8\" ; x=y", "application/json;"}) {
    CAPTURE(good);
    CHECK(accepted({{"content-type", good}}));
  }
  for (const char* bad : {"", "text/plain", "application/json-patch+json", "application/jsonp", "json",
                          "application/json, text/plain", "application/json;charset=latin1",
                          "application/json; charset=utf-16"}) {
    CAPTURE(bad);
    CHECK_FALSE(accepted({{"Content-Type", bad}}));
  }
}

}  // namespace longhaul::server
