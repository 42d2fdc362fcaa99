// JSON texts made at random, for tests that hold for every one of them. The seed comes from the environment
// variable LONGHAUL_TEST_SEED when it is set; tests show it with CAPTURE, so that a failure can be had again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <random>
#include <string>
#include <string_view>

#include "tests/support/seed.h"

namespace longhaul::tests {

class RandomJson {
 public:
  explicit RandomJson(std::uint64_t seed) : random_(seed) {}

  // The same value twice: `compact` without white space between its tokens, `spaced` with some.
  struct Text {
    std::string compact;
    std::string spaced;
  };
  Text value(int depth = 4) {
    Text out;
    append_value(out, depth);
    space(out);
    return out;
  }

  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }

 private:
  void put(Text& out, std::string_view token) {
    space(out);
    out.compact += token;
    out.spaced += token;
  }
  void space(Text& out) {
    while (below(4) == 0) out.spaced += " \t\n\r"[below(4)];
  }

  void append_value(Text& out, int depth) {
    const std::size_t kind = below(depth > 0 ? 7 : 5);
    if (kind == 0) return put(out, "null");
    if (kind == 1) return put(out, below(2) == 0 ? "true" : "false");
    if (kind == 2) return put(out, number());
    if (kind <= 4) return put(out, string());
    append_container(out, kind == 5, depth);
  }

  void append_container(Text& out, bool is_array, int depth) {
    put(out, is_array ? "[" : "{");
    const std::size_t count = below(5);
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) put(out, ",");
      if (!is_array) {
        put(out, "\"" + std::to_string(i) + string().substr(1));  // the number keeps names apart
        put(out, ":");
      }
      append_value(out, depth - 1);
    }
    put(out, is_array ? "]" : "}");
  }

  std::string number() {
    static constexpr std::string_view samples[] = {"0",
                                                   "-0",
                                                   "1.0",
                                                   "-1.50",
                                                   "1e5",
                                                   "1E+05",
                                                   "2e-308",
                                                   "1e400",
                                                   "-1e-400",
                                                   "0.1e01",
                                                   "123456",
                                                   "12345678901234567890123",
                                                   "0.30000000000000000000000004"};
    return std::string(samples[below(std::size(samples))]);
  }

  std::string string() {
    static constexpr std::string_view pieces[] = {"a",
                                                  "Z",
                                                  "0",
                                                  " ",
                                                  "{",
                                                  "]",
                                                  ",",
                                                  ":",
                                                  "\\\"",
                                                  "\\\\",
                                                  "\\/",
                                                  "\\b",
                                                  "\\n",
                                                  "\\u0041",
                                                  "\\u0000",
                                                  "\\u00e9",
                                                  "\\ud83d\\uDE00",
                                                  "\xC3\xA9",
                                                  "\xE2\x82\xAC",
                                                  "\xF0\x9F\x98\x80",
                                                  "\x7F"};
    std::string text = "\"";
    for (std::size_t i = below(8); i > 0; --i) text += pieces[below(std::size(pieces))];
    return text + "\"";
  }

  std::mt19937_64 random_;
};

}  // namespace longhaul::tests
