#include "api/json_reader.h"

#include <algorithm>
#include <ostream>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "api/limits.h"
#include "api/utf8.h"
#include "tests/unit/random_json.h"

using namespace longhaul::api;
using longhaul::tests::RandomJson;
using longhaul::tests::test_seed;

namespace {

std::string compacted(std::string_view text) {
  const auto json = read_json(text);
  return json ? json->text : "refused: " + json.error().detail;
}

std::string fault_of(std::string_view text) {
  const auto json = read_json(text);
  if (json) return "";
  CHECK(json.error().code == ErrorCode::malformed_json);
  CHECK(is_utf8(json.error().detail));
  CHECK(json.error().detail.size() < 500);
  CHECK_FALSE(is_json(text));
  return json.error().detail;
}

bool mentions(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  out.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

// -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
bool is_number_by_grammar(std::string_view text) {
  const auto take = [&](std::string_view any_of) {
    const bool there = !text.empty() && any_of.find(text.front()) != std::string_view::npos;
    if (there) text.remove_prefix(1);
    return there;
  };
  const auto take_digits = [&] {
    const std::size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(count);
    return count > 0;
  };
  take("-");
  if (!take("0") && !take_digits()) return false;
  if (take(".") && !take_digits()) return false;
  if (take("eE")) {
    take("+-");
    if (!take_digits()) return false;
  }
  return text.empty();
}

}  // namespace

TEST_CASE("white space between tokens goes, all else stays as it came") {
  CHECK(compacted(" { \"a b\" : [ 1 , \"x \\\" y\" ]\r\n,\t\"c\":{ } } ") ==
        R"({"a b":[1,"x \" y"],"c":{}})");
  CHECK(compacted("null") == "null");
  CHECK(compacted(" \"\\u00e9\\/\" ") == "\"\\u00e9\\/\"");
}

TEST_CASE("digits are never touched") {
  for (const std::string text : {"-0", "0", "1.0", "1.10", "1e400", "-1E+999", "1e-999",
                                 "12345678901234567890123", "0.1000000000000000055511151231"}) {
    CHECK(compacted(text) == text);
    CHECK(compacted("[" + text + "]") == "[" + text + "]");
    CHECK(compacted("{\"n\": " + text + " }") == "{\"n\":" + text + "}");
  }
  const std::string long_integer(5000, '7');
  CHECK(compacted(long_integer) == long_integer);
  const std::string long_fraction = "0." + std::string(5000, '3') + "e99999999999999999999";
  CHECK(compacted(long_fraction) == long_fraction);
}

TEST_CASE("a number is one by the grammar, great or small, also behind one that overflows a double") {
  const std::uint64_t seed = test_seed();
  CAPTURE(seed);
  RandomJson random(seed);
  constexpr std::string_view characters = "0012345679..eE+--";
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string number = random.below(2) == 0 ? "" : std::to_string(random.below(1000));
    for (std::size_t left = 1 + random.below(6); left > 0; --left)
      number += characters[random.below(characters.size())];
    if (random.below(4) == 0) number += repeated("7", random.below(400));
    CAPTURE(number);
    const bool expected = is_number_by_grammar(number);
    accepted += expected ? 1 : 0;
    CHECK(is_json(number) == expected);
    CHECK(is_json("[1e999," + number + "]") == expected);
    CHECK(is_json("{\"1e999\\\"12345678901234567890\":1e999,\"b\":" + number + " }") == expected);
  }
  CHECK(accepted > 1000);
}

TEST_CASE("strings are read as they are behind a number that overflows a double") {
  CHECK(compacted(R"([1e999,"12345678901234567890123"])") == R"([1e999,"12345678901234567890123"])");
  CHECK(compacted(R"([1e999,{"123456789012345678901":1,"123456789012345678902":2}])") ==
        R"([1e999,{"123456789012345678901":1,"123456789012345678902":2}])");
  CHECK(mentions(fault_of(R"([1e999,{"123456789012345678901":1,"123456789012345678901":2}])"), "twice"));
  CHECK(mentions(fault_of("[1e999,\n 1x]"), "line 2, column 3"));
}

TEST_CASE("random values come back as they were, only compact, and mean the same") {
  const std::uint64_t seed = test_seed();
  CAPTURE(seed);
  RandomJson random(seed);
  for (int i = 0; i < 3'000; ++i) {
    const auto text = random.value();
    CAPTURE(text.spaced);
    REQUIRE(compacted(text.spaced) == text.compact);
    REQUIRE(compacted(text.compact) == text.compact);
  }
}

TEST_CASE("members and elements, put together again, are the text they came from") {
  const std::uint64_t seed = test_seed();
  CAPTURE(seed);
  RandomJson random(seed);
  for (int i = 0; i < 3'000; ++i) {
    const RawJson json{random.value().compact};
    CAPTURE(json.text);
    std::string again;
    if (kind_of(json) == JsonKind::object) {
      for (const auto& [name, value] : members_of(json)) {
        again += (again.empty() ? "" : ",") + nlohmann::json(name).dump() + ":" + value.text;
      }
      const auto members =
          nlohmann::json::accept(json.text) ? nlohmann::ordered_json::parse(json.text).size() : 0;
      if (members > 0) CHECK(members_of(json).size() == members);
      for (const auto& [name, value] : members_of(json)) CHECK(is_json(value.text));
      CHECK(is_json("{" + again + "}"));
    } else if (kind_of(json) == JsonKind::array) {
      for (const RawJson& value : elements_of(json)) again += (again.empty() ? "" : ",") + value.text;
      CHECK("[" + again + "]" == json.text);
    } else {
      CHECK(members_of(json).empty());
      CHECK(elements_of(json).empty());
    }
  }
}

TEST_CASE("strings are decoded as nlohmann/json decodes them") {
  for (const std::string text : {R"("")", R"("plain")", R"("a\"b\\c\/d\b\f\n\r\t")",
                                 R"("\u0041\u00e9\u20AC\ud83d\ude00")", R"("\u0000")", "\"\xE2\x82\xAC\""}) {
    CAPTURE(text);
    REQUIRE(string_of(RawJson{text}));
    CHECK(*string_of(RawJson{text}) == nlohmann::json::parse(text).get<std::string>());
  }
  CHECK_FALSE(string_of(RawJson{"1"}));
  const auto members = members_of(RawJson{R"({"\u0061\n":1,"b":"x"})"});
  REQUIRE(members.size() == 2);
  CHECK(members[0].first == "a\n");
  CHECK(members[1].second.text == "\"x\"");
}

TEST_CASE("kinds and scalars") {
  CHECK(kind_of(RawJson{"null"}) == JsonKind::null);
  CHECK(kind_of(RawJson{"-1"}) == JsonKind::number);
  CHECK(kind_of(RawJson{"{}"}) == JsonKind::object);
  CHECK(boolean_of(RawJson{"true"}) == true);
  CHECK(boolean_of(RawJson{"false"}) == false);
  CHECK_FALSE(boolean_of(RawJson{"null"}));
  CHECK(number_of(RawJson{"0.5"}) == 0.5);
  CHECK_FALSE(number_of(RawJson{"\"1\""}));
  CHECK(integer_of(RawJson{"5.0"}) == 5);
  CHECK_FALSE(integer_of(RawJson{"true"}));
}

TEST_CASE("nesting is limited to 64, however deep it is tried") {
  CHECK(limits::json_depth == 64);
  CHECK(is_json(std::string(64, '[') + std::string(64, ']')));
  CHECK(mentions(fault_of(std::string(65, '[') + std::string(65, ']')),
                 "more than 64 deep at line 1, column 65"));
  CHECK(is_json(repeated("{\"a\":", 63) + "[]" + std::string(63, '}')));
  CHECK(mentions(fault_of(repeated("{\"a\":", 64) + "[]" + std::string(64, '}')), "more than 64 deep"));
  CHECK(mentions(fault_of(std::string(10'000, '[')), "more than 64 deep"));
  CHECK(mentions(fault_of(repeated("[{\"a\":", 500'000)), "more than 64 deep"));
  // Depth counts what is open at once, not what there is.
  CHECK(is_json("[" + repeated("[[[]]],", 1000) + "1]"));
}

TEST_CASE("a repeated member is refused at any level, in whatever spelling") {
  CHECK(mentions(fault_of(R"({"a":1,"a":1})"), "member \"a\" is there twice"));
  CHECK(mentions(fault_of(R"({"a":1,"b":2,"\u0061":3})"), "member \"a\" is there twice"));
  CHECK(mentions(fault_of(R"([{"x":{"deep":1,"other":[{}],"deep":2}}])"), "\"deep\""));
  CHECK(mentions(fault_of(R"({"":1,"":2})"), "twice"));
  CHECK(mentions(fault_of(R"({"\ud83d\ude00":1,")"
                          "\xF0\x9F\x98\x80"
                          R"(":2})"),
                 "twice"));
  CHECK(is_json(R"({"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}],"A":0})"));
  CHECK(is_json(R"({"a\u0000b":1,"a":2,"a\u0000":3})"));
  const std::string long_name(10'000, 'n');
  CHECK(mentions(fault_of("{\"" + long_name + "\":1,\"" + long_name + "\":1}"), "twice"));
  std::string many = "{";
  for (int i = 0; i < 50'000; ++i) many += "\"k" + std::to_string(i) + "\":0,";
  CHECK(is_json(many + "\"k\":0}"));
  CHECK(mentions(fault_of(many + "\"k7\":0}"), "\"k7\""));
}

TEST_CASE("bytes that are not UTF-8 are refused") {
  for (const std::string bytes :
       {"\x80", "\xC3", "\xC3\x28", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xED\xA0\x80",
        "\xED\xBF\xBF", "\xE2\x82", "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xFE", "\xFF"}) {
    CAPTURE(bytes);
    CHECK_FALSE(fault_of("\"" + bytes + "\"").empty());
    CHECK_FALSE(fault_of("\"a" + bytes).empty());
    CHECK_FALSE(fault_of("{\"" + bytes + "\":1}").empty());
    CHECK_FALSE(fault_of(bytes).empty());
  }
  CHECK(is_json("\"\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF\""));
}

TEST_CASE("surrogates come in pairs") {
  CHECK(is_json(R"("\ud800\udc00")"));
  for (const std::string text :
       {R"("\ud800")", R"("\udc00")", R"("\ud800x")", R"("\ud800\n")", R"("\ud800\u0041")",
        R"("\ud800\ud800")", R"("\udc00\ud800")", R"({"\udfff":1})"}) {
    CAPTURE(text);
    CHECK_FALSE(fault_of(text).empty());
  }
}

TEST_CASE("exactly one value, and nothing hidden behind it") {
  using namespace std::string_literals;
  CHECK(mentions(fault_of(""), "empty"));
  CHECK_FALSE(fault_of(" \n").empty());
  for (const std::string& text : {"1\0"s, "1\0garbage"s, "\0"s, "[\0]"s, "\"a\0b\""s, "{}\0{\"a\":1}"s}) {
    CHECK(mentions(fault_of(text), "NUL"));
  }
  CHECK(mentions(fault_of("\xEF\xBB\xBF{}"), "byte order mark"));
  for (const std::string text : {"1 2",
                                 "{}{}",
                                 "[1,]",
                                 "{\"a\":1,}",
                                 "{,}",
                                 "[,1]",
                                 "{\"a\"}",
                                 "{\"a\":}",
                                 "{a:1}",
                                 "{'a':1}",
                                 "'a'",
                                 "+1",
                                 ".5",
                                 "1.",
                                 "01",
                                 "-",
                                 "0x10",
                                 "1e",
                                 "NaN",
                                 "Infinity",
                                 "-Infinity",
                                 "undefined",
                                 "True",
                                 "nul",
                                 "truefalse",
                                 "[1",
                                 "]",
                                 "}",
                                 "\"",
                                 "\"a",
                                 "\"\t\"",
                                 "\"\n\"",
                                 "\"\x01\"",
                                 "\"\\x\"",
                                 "\"\\u12g4\"",
                                 "\"\\u12\"",
                                 "\"\\",
                                 "// c\n1",
                                 "/* c */1",
                                 "1//",
                                 "#1",
                                 "\f1",
                                 ("\xC2\xA0"
                                  "1")}) {
    CAPTURE(text);
    CHECK_FALSE(fault_of(text).empty());
  }
  CHECK(is_json("\"\x7F\""));
}

TEST_CASE("a refusal says where and what") {
  CHECK(fault_of("{\"a\": 1,\n  \"b\" 2}") ==
        "The body is not JSON: line 2, column 7: while parsing object separator - unexpected number literal; "
        "expected ':'.");
  CHECK(mentions(fault_of("[1, 2"), "line 1, column 6"));
  CHECK(mentions(fault_of("{\"a\": nope}"), "invalid literal"));
  CHECK(mentions(fault_of("{\"a\": 1,\n\"c\": [ ],\n\"a\": 2\n}"), "at line 4, column 1"));
  // The client's own text is not sent back to it, whatever it holds.
  CHECK_FALSE(mentions(fault_of("\"secret; last read: 'x'; expected \xFF"), "secret"));
}

TEST_CASE("texts damaged at random never harm, and are judged as nlohmann/json judges them") {
  const std::uint64_t seed = test_seed();
  CAPTURE(seed);
  RandomJson random(seed);
  for (int i = 0; i < 5'000; ++i) {
    std::string text = random.value().spaced;
    for (std::size_t n = 1 + random.below(3); n > 0 && !text.empty(); --n) {
      const std::size_t at = random.below(text.size());
      if (random.below(2) == 0) {
        text.erase(at, 1);
      } else {
        text[at] = static_cast<char>(1 + random.below(255));
      }
    }
    CAPTURE(text);
    const bool ours = is_json(text);
    const bool theirs = nlohmann::json::accept(text);
    if (ours && !theirs) {
      const auto parse = [&] { return nlohmann::json::parse(text).size(); };
      CHECK_THROWS_AS(parse(), nlohmann::json::out_of_range);
    }
    if (theirs && !ours) {
      const std::string fault = fault_of(text);
      CHECK((mentions(fault, "twice") || mentions(fault, "byte order mark")));
    }
    const auto json = read_json(text);
    if (json) CHECK(compacted(json->text) == json->text);
  }
}
