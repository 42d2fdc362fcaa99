// Log lines: what stands in them can be read back, whatever came in.
#include <doctest/doctest.h>

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>

#include "base/log_text.h"
#include "base/log_throttle.h"

namespace longhaul::tests {
namespace {

using base::LogField;

std::string text_of(std::initializer_list<LogField> fields) { return base::log_as_text("event", fields); }
nlohmann::json json_of(std::initializer_list<LogField> fields) {
  return nlohmann::json::parse("{" + base::log_as_json("event", fields) + "}");
}

}  // namespace

TEST_CASE("log: plain values are not quoted") {
  CHECK(base::log_as_text("task failed", {}) == "task failed");
  CHECK(text_of({{"id", "019f-a"}, {"n", 3}, {"big", INT64_MIN}, {"half", 0.5}, {"yes", true}}) ==
        "event id=019f-a n=3 big=-9223372036854775808 half=0.5 yes=true");
}

TEST_CASE("log: text that could be taken for something else is quoted") {
  CHECK(text_of({{"a", ""}}) == R"(event a="")");
  CHECK(text_of({{"a", "two words"}}) == R"(event a="two words")");
  CHECK(text_of({{"a", "b=c"}}) == R"(event a="b=c")");
  CHECK(text_of({{"a", R"(say "hi" \ bye)"}}) == R"(event a="say \"hi\" \\ bye")");
  CHECK(text_of({{"a", "grün"}}) == R"(event a="grün")");
}

TEST_CASE("log: control characters and broken UTF-8 are escaped in text") {
  CHECK(text_of({{"a", "1\n2\r3\t4"}}) == R"(event a="1\n2\r3\t4")");
  CHECK(text_of({{"a", std::string_view("\0\x1b[31m\x7f", 7)}}) == R"(event a="\x00\x1b[31m\x7f")");
  CHECK(text_of({{"a", "\xff\xc0\x80\xed\xa0\x80"}}) == R"(event a="\xff\xc0\x80\xed\xa0\x80")");
  CHECK(text_of({{"a", "\xe2\x82"}}) == R"(event a="\xe2\x82")");                  // cut off
  CHECK(text_of({{"a", "\xc2\x85\xc2\x9b"}}) == R"(event a="\xc2\x85\xc2\x9b")");  // U+0085, U+009B
  CHECK(text_of({{"a", "\xe2\x80\xa8"}}) == R"(event a="\xe2\x80\xa8")");          // U+2028
  CHECK(text_of({{"a", "\xf4\x90\x80\x80"}}) == R"(event a="\xf4\x90\x80\x80")");  // over U+10FFFF
  CHECK(text_of({{"a", "\xf0\x9f\x8e\x89\xc2\xa0"}}) == "event a=\"\xf0\x9f\x8e\x89\xc2\xa0\"");
  CHECK(base::log_as_text("one\nline", {}) == R"(one\nline)");
}

TEST_CASE("log: JSON can be read back") {
  const auto event = json_of({{"a", "\"\\\n\x01"}, {"n", -3}, {"half", 0.5}, {"no", false}});
  CHECK(event["message"] == "event");
  CHECK(event["a"] == "\"\\\n\x01");
  CHECK(event["n"] == -3);
  CHECK(event["half"] == 0.5);
  CHECK(event["no"] == false);
  CHECK(json_of({{"a", "x\xffy"}})["a"] == "x\xef\xbf\xbdy");
  CHECK(base::log_as_json("a\nb", {}) == R"("message":"a\nb")");
}

TEST_CASE("log: every byte leaves one line, in both formats") {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string bytes{static_cast<char>(first), static_cast<char>(second)};
      const std::string text = text_of({{"a", bytes}});
      const std::string json = base::log_as_json("event", std::initializer_list<LogField>{{"a", bytes}});
      for (const char c : text) REQUIRE((static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) == true);
      for (const char c : json) REQUIRE(static_cast<unsigned char>(c) >= 0x20);
      REQUIRE(nlohmann::json::accept("{" + json + "}"));
    }
  }
}

TEST_CASE("log: a throttle lets some lines through and counts the rest") {
  base::LogThrottle throttle(2);
  const base::BootTime start{std::chrono::seconds(100)};
  CHECK(throttle.take(start) == 0);
  CHECK(throttle.take(start) == 0);
  CHECK_FALSE(throttle.take(start).has_value());
  CHECK_FALSE(throttle.take(start + std::chrono::milliseconds(999)).has_value());
  CHECK(throttle.take(start + std::chrono::seconds(1)) == 2);
  CHECK(throttle.take(start + std::chrono::seconds(1)) == 0);
  CHECK_FALSE(throttle.take(start + std::chrono::seconds(1)).has_value());
}

}  // namespace longhaul::tests
