#include "api/utf8.h"

#include <ostream>

#include <doctest/doctest.h>

using namespace longhaul::api;

TEST_CASE("every code point but surrogates is valid, and counts as one character") {
  for (char32_t code = 0; code <= 0x10FFFF; code += code < 0x3000 ? 1 : 61) {
    if (code >= 0xD800 && code < 0xE000) continue;
    std::string text;
    append_utf8(text, code);
    REQUIRE(is_utf8(text));
    REQUIRE(count_chars(text) == 1);
    REQUIRE(to_utf8(text) == text);
    if (text.size() > 1) REQUIRE_FALSE(is_utf8(text.substr(0, text.size() - 1)));
  }
  std::string last;
  append_utf8(last, 0x10FFFF);
  CHECK(last == "\xF4\x8F\xBF\xBF");
}

TEST_CASE("what is not valid is seen, and made so byte by byte") {
  CHECK_FALSE(is_utf8("\x80"));
  CHECK_FALSE(is_utf8("a\xC0\x80"));
  CHECK_FALSE(is_utf8("\xED\xA0\x80"));
  CHECK_FALSE(is_utf8("\xF4\x90\x80\x80"));
  CHECK_FALSE(is_utf8("\xE2\x82"));
  CHECK(to_utf8("a\xFF"
                "b") ==
        "a\xEF\xBF\xBD"
        "b");
  CHECK(to_utf8("\xE2\x82") == "\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(to_utf8("") == "");
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string bytes = {static_cast<char>(a), static_cast<char>(b), '\xBF', 'x'};
      REQUIRE(is_utf8(to_utf8(bytes)));
      REQUIRE((to_utf8(bytes) == bytes) == is_utf8(bytes));
    }
  }
}

TEST_CASE("a cut falls between characters") {
  const std::string text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z";
  CHECK(count_chars(text) == 5);
  CHECK(first_chars(text, 0) == "");
  CHECK(first_chars(text, 1) == "a");
  CHECK(first_chars(text, 3) == "a\xC3\xA9\xE2\x82\xAC");
  CHECK(first_chars(text, 5) == text);
  CHECK(first_chars(text, 99) == text);
}
