#include "api/json_writer.h"

#include <limits>
#include <ostream>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace longhaul::api;

TEST_CASE("objects and arrays get their commas") {
  JsonWriter json;
  json.begin_object();
  json.key("a").number(std::int64_t{1});
  json.key("b").begin_array();
  json.number(std::int64_t{1}).string("x").null().boolean(true).boolean(false);
  json.begin_object().end_object();
  json.begin_array().end_array();
  json.end_array();
  json.key("c").begin_object();
  json.key("d").raw(RawJson{"1e400"});
  json.key("e").raw("[1]");
  json.end_object();
  json.end_object();
  CHECK(json.text() == R"({"a":1,"b":[1,"x",null,true,false,{},[]],"c":{"d":1e400,"e":[1]}})");
  CHECK(json.take() == R"({"a":1,"b":[1,"x",null,true,false,{},[]],"c":{"d":1e400,"e":[1]}})");
}

TEST_CASE("a text may be one bare value") { CHECK(JsonWriter().string("x").text() == "\"x\""); }

TEST_CASE("strings are escaped so that they read back the same") {
  std::string every_byte;
  for (char c = 0; c < 0x7F; ++c) every_byte += c;
  every_byte += "\x7F \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80";
  const std::string text = JsonWriter().string(every_byte).take();
  CHECK(nlohmann::json::parse(text).get<std::string>() == every_byte);
  CHECK(JsonWriter().string("a\"\\\n\x01").text() == "\"a\\\"\\\\\\n\\u0001\"");
  JsonWriter json;
  json.begin_object().key("\"\n").null().end_object();
  CHECK(json.text() == "{\"\\\"\\n\":null}");
}

TEST_CASE("numbers are as short as they can be and read back the same") {
  CHECK(JsonWriter().number(std::numeric_limits<std::int64_t>::min()).text() == "-9223372036854775808");
  CHECK(JsonWriter().number(std::numeric_limits<std::int64_t>::max()).text() == "9223372036854775807");
  CHECK(JsonWriter().number(0.1).text() == "0.1");
  CHECK(JsonWriter().number(2.0).text() == "2");
  for (const double value :
       {1.0 / 3, 1e300, 5e-324, -1e-7, 123456789.125, std::numeric_limits<double>::max()}) {
    CHECK(nlohmann::json::parse(JsonWriter().number(value).text()).get<double>() == value);
  }
  CHECK(JsonWriter().number(std::numeric_limits<double>::infinity()).text() == "null");
  CHECK(JsonWriter().number(std::numeric_limits<double>::quiet_NaN()).text() == "null");
}

TEST_CASE("times are RFC 3339") {
  CHECK(JsonWriter().time(WallTime(Milliseconds(250))).text() == "\"1970-01-01T00:00:00.250Z\"");
}
