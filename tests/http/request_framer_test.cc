// The framer alone: what it takes, what it refuses, and that it does not matter how the bytes come.
#include "server/http/request_framer.h"

#include <algorithm>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/http/framing_cases.h"
#include "tests/support/seed.h"

using namespace longhaul;
using server::FramerLimits;
using server::RequestFramer;
using Progress = RequestFramer::Progress;

namespace {

// What came out: all requests in order, then the refusal or how far the next one has got.
struct Outcome {
  std::vector<std::string> requests;
  int refused_status = 0;
  std::string detail;
  Progress rest = Progress::head;
  std::size_t consumed = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

std::string describe(RequestFramer& framer) {
  const server::Request& request = framer.request();
  std::string out = request.method + " " + request.path + " [" + request.target + "]";
  for (const auto& [name, value] : request.headers) out += "\n" + name + "=" + value;
  for (const auto& [name, value] : request.query) out += "\n?" + name + "=" + value;
  return out + "\n" + request.body + (framer.framing().keep_alive ? "\nkeeps" : "\ncloses");
}

class Feeder {
 public:
  explicit Feeder(const FramerLimits& limits) : framer_(limits) {}

  void feed(std::string_view bytes) {
    while (!bytes.empty() && outcome_.refused_status == 0) {
      const std::size_t used = framer_.feed(bytes);
      bytes.remove_prefix(used);
      outcome_.consumed += used;
      look();
    }
  }
  const Outcome& finish() {
    outcome_.rest = framer_.progress();
    if (outcome_.refused_status != 0)
      outcome_.consumed = 0;  // the connection ends: nobody asks how many bytes it took to see that
    return outcome_;
  }

 private:
  void look() {
    if (framer_.progress() == Progress::complete) {
      outcome_.requests.push_back(describe(framer_));
      framer_.reset();
    } else if (framer_.progress() == Progress::refused) {
      outcome_.refused_status = api::info(framer_.problem().code).status;
      outcome_.detail = framer_.problem().detail;
    }
  }

  RequestFramer framer_;
  Outcome outcome_;
};

Outcome outcome_of(std::string_view bytes, const FramerLimits& limits = {}) {
  Feeder feeder(limits);
  feeder.feed(bytes);
  return feeder.finish();
}

std::string visible(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 300)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      out += "\\x";
      out += "0123456789abcdef"[byte >> 4];
      out += "0123456789abcdef"[byte & 15];
    }
  }
  return out;
}

}  // namespace

TEST_CASE("a refused request is refused with its status") {
  for (const auto& item : tests::refused_requests()) {
    CAPTURE(item.what);
    CAPTURE(visible(item.bytes));
    CHECK(outcome_of(item.bytes).refused_status == item.status);
  }
}

TEST_CASE("a sound request is taken whole") {
  for (const auto& item : tests::accepted_requests()) {
    CAPTURE(item.what);
    CAPTURE(visible(item.bytes));
    const Outcome outcome = outcome_of(item.bytes);
    CHECK(outcome.refused_status == 0);
    CHECK(outcome.detail == "");
    CHECK(outcome.requests.size() == item.requests);
    CHECK(outcome.consumed == item.bytes.size());
  }
}

TEST_CASE("any split of the bytes in two gives the same outcome") {
  for (const std::string& bytes : tests::all_requests()) {
    const Outcome whole = outcome_of(bytes);
    // Long ones are long by filling: every place near the ends, and a sample between.
    const std::size_t step = bytes.size() > 2000 ? 97 : 1;
    for (std::size_t at = 1; at < bytes.size(); at += at < 200 || at + 200 > bytes.size() ? 1 : step) {
      Feeder feeder{FramerLimits{}};
      feeder.feed(std::string_view(bytes).substr(0, at));
      feeder.feed(std::string_view(bytes).substr(at));
      CAPTURE(visible(bytes));
      CAPTURE(at);
      REQUIRE((feeder.finish() == whole));
    }
  }
}

TEST_CASE("byte by byte and in random pieces gives the same outcome") {
  const auto seed = static_cast<unsigned>(tests::test_seed());
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (const std::string& bytes : tests::all_requests()) {
    const Outcome whole = outcome_of(bytes);
    Feeder single{FramerLimits{}};
    for (const char c : bytes) single.feed({&c, 1});
    CAPTURE(visible(bytes));
    REQUIRE((single.finish() == whole));
    Feeder pieces{FramerLimits{}};
    for (std::string_view rest = bytes; !rest.empty();) {
      const std::size_t size = std::min<std::size_t>(rest.size(), 1 + random() % 40);
      pieces.feed(rest.substr(0, size));
      rest.remove_prefix(size);
    }
    REQUIRE((pieces.finish() == whole));
  }
}

TEST_CASE("changed bytes never break the framer, whatever it makes of them") {
  const auto seed = static_cast<unsigned>(tests::test_seed());
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (const auto& item : tests::accepted_requests()) {
    for (int round = 0; round < 200; ++round) {
      std::string bytes = item.bytes;
      bytes[random() % bytes.size()] = static_cast<char>(random() % 256);
      const Outcome whole = outcome_of(bytes);
      Feeder single{FramerLimits{}};
      for (const char c : bytes) single.feed({&c, 1});
      CAPTURE(visible(bytes));
      REQUIRE((single.finish() == whole));
    }
  }
}

TEST_CASE("the parts of a request") {
  RequestFramer framer{FramerLimits{}};
  const std::string bytes =
      "POST /a%20b/%C3%A4?x=1&y=a+b%26&flag&&x=2 HTTP/1.1\r\nHost: h:1\r\nX-One:  v 1 \t\r\nx-one: "
      "v2\r\nEmpty:\r\n"
      "Content-Length: 3\r\n\r\nabcGET";
  std::size_t used = framer.feed(bytes);
  CHECK(framer.progress() == Progress::body);
  CHECK(framer.framing().content_length == 3);
  used += framer.feed(std::string_view(bytes).substr(used));
  REQUIRE(framer.progress() == Progress::complete);
  CHECK(used == bytes.size() - 3);
  const server::Request& request = framer.request();
  CHECK(request.method == "POST");
  CHECK(request.path == "/a b/\xC3\xA4");
  CHECK(request.target == "/a%20b/%C3%A4?x=1&y=a+b%26&flag&&x=2");
  CHECK(framer.encoded_path() == "/a%20b/%C3%A4");
  CHECK(request.query == std::vector<std::pair<std::string, std::string>>{
                             {"x", "1"}, {"y", "a b&"}, {"flag", ""}, {"x", "2"}});
  REQUIRE(request.headers.size() == 5);
  CHECK(request.headers[1] == std::pair<std::string, std::string>{"X-One", "v 1"});
  CHECK(request.headers[3].second.empty());
  CHECK(*request.find_header("X-ONE") == "v 1");
  CHECK(request.find_header("X-Two") == nullptr);
  CHECK(request.body == "abc");
}

TEST_CASE("nothing of one request is seen in the next") {
  RequestFramer framer{FramerLimits{}};
  framer.feed(
      "GET /one?a=1 HTTP/1.1\r\nHost: one\r\nX-Request-Id: mine\r\nX-Long: "
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\n");
  REQUIRE(framer.progress() == Progress::complete);
  framer.reset();
  CHECK(framer.request().headers.empty());
  framer.feed("GET /two HTTP/1.1\r\nHost: two\r\n bad\r\n");
  REQUIRE(framer.progress() == Progress::refused);
  CHECK(framer.request().headers.size() == 1);
  CHECK(framer.request().query.empty());
  framer.reset();
  framer.feed("GET /three HTTP/1.1\r\nHost: three\r\n\r\n");
  REQUIRE(framer.progress() == Progress::complete);
  CHECK(framer.request().headers == server::Headers{{"Host", "three"}});
  CHECK(framer.request().path == "/three");
}

TEST_CASE("what is no text in a path reads as U+FFFD, and a query that is none is told") {
  RequestFramer framer{FramerLimits{}};
  framer.feed("GET /a%20b/%zz%41/%ff/%00/c%0Ad/%4?x=%ff HTTP/1.1\r\nHost: a\r\n\r\n");
  REQUIRE(framer.progress() == Progress::complete);
  CHECK(framer.request().path == "/a b/\uFFFD/\uFFFD/\uFFFD/\uFFFD/\uFFFD");
  CHECK(framer.encoded_path() == "/a%20b/%EF%BF%BD/%EF%BF%BD/%EF%BF%BD/%EF%BF%BD/%EF%BF%BD");
  CHECK(framer.query_fault() == "The request target is not UTF-8 once decoded.");
  CHECK(framer.framing().keep_alive);
  framer.reset();
  framer.feed("GET /a?x=%4 HTTP/1.1\r\nHost: a\r\n\r\n");
  REQUIRE(framer.progress() == Progress::complete);
  CHECK(framer.query_fault().find("two hexadecimal digits") != std::string_view::npos);
  framer.reset();
  framer.feed("GET /a?x=1 HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(framer.query_fault().empty());
  CHECK(framer.encoded_path() == "/a");
}

TEST_CASE("a URL as target takes the place of Host") {
  RequestFramer framer{FramerLimits{}};
  framer.feed("GET http://evil.example:81?q=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  REQUIRE(framer.progress() == Progress::complete);
  CHECK(*framer.request().find_header("Host") == "evil.example:81");
  CHECK(framer.request().path == "/");
  CHECK(framer.request().query.size() == 1);
  framer.reset();
  framer.feed("GET HTTP://other/x HTTP/1.0\r\n\r\n");
  REQUIRE(framer.progress() == Progress::complete);
  CHECK(*framer.request().find_header("Host") == "other");
}

TEST_CASE("whether the connection is kept") {
  const auto keeps = [](const std::string& version, const std::string& line) {
    RequestFramer framer{FramerLimits{}};
    framer.feed("GET / HTTP/" + version + "\r\nHost: a\r\n" + line + "\r\n");
    REQUIRE(framer.progress() == Progress::complete);
    return framer.framing().keep_alive;
  };
  CHECK(keeps("1.1", ""));
  CHECK(keeps("1.1", "Connection: upgrade\r\n"));
  CHECK_FALSE(keeps("1.1", "Connection: close\r\n"));
  CHECK_FALSE(keeps("1.1", "Connection: keep-alive , CLOSE\r\n"));
  CHECK_FALSE(keeps("1.1", "Connection: keep-alive\r\nconnection: close\r\n"));
  CHECK_FALSE(keeps("1.0", ""));
  CHECK(keeps("1.0", "Connection: Keep-Alive\r\n"));
  CHECK_FALSE(keeps("1.0", "Connection: keep-alive, close\r\n"));
}

TEST_CASE("the body limit is met exactly") {
  const FramerLimits limits{.body_bytes = 10};
  const std::string fixed = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ";
  const std::string chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  CHECK(outcome_of(fixed + "10\r\n\r\n0123456789", limits).requests.size() == 1);
  CHECK(outcome_of(fixed + "11\r\n\r\n0", limits).refused_status == 413);
  CHECK(outcome_of(fixed + "18446744073709551616\r\n\r\n0", limits).refused_status == 413);
  CHECK(outcome_of(chunked + "5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n", limits).requests.size() == 1);
  // As soon as the size says so, before a byte of the chunk.
  CHECK(outcome_of(chunked + "5\r\n01234\r\n6\r\n", limits).refused_status == 413);
  CHECK(outcome_of(chunked + "b;", limits).refused_status == 413);
  CHECK(outcome_of(chunked + "ffffffff\r\n", limits).refused_status == 413);
}

TEST_CASE("an announced body beyond the limit is refused when it begins, not before the head was judged") {
  RequestFramer framer{FramerLimits{.body_bytes = 10}};
  framer.feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n");
  CHECK(framer.progress() == Progress::body);
  framer.begin_body();
  CHECK(framer.progress() == Progress::refused);
}

TEST_CASE("a discarded body is checked and counted, not kept") {
  RequestFramer framer{FramerLimits{}};
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  framer.feed(head);
  framer.discard_body();
  framer.feed("3\r\nabc\r\n0\r\n\r\n");
  CHECK(framer.progress() == Progress::complete);
  CHECK(framer.request().body.empty());
  framer.reset();
  framer.feed(head);
  framer.discard_body();
  framer.feed("3\r\nabcd");
  CHECK(framer.progress() == Progress::refused);
}
