#include "api/log_line.h"

#include <ostream>

#include <doctest/doctest.h>

#include "api/limits.h"
#include "api/utf8.h"

using namespace longhaul::api;

namespace {

constexpr std::size_t limit = limits::log_line_bytes;
const std::string mark = " [line cut at 8192 bytes]";

std::string characters(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += "\u00e4";
  return text;
}

}  // namespace

TEST_CASE("a log line within the limit stays as it is, and what is no UTF-8 is replaced") {
  CHECK(to_log_line("").empty());
  CHECK(to_log_line("caf\xC3\xA9 \xFF bad") == "caf\xC3\xA9 \xEF\xBF\xBD bad");
  CHECK(to_log_line(std::string(limit, 'x')) == std::string(limit, 'x'));
  CHECK(to_log_line(characters(limit / 2)) == characters(limit / 2));
}

TEST_CASE("a log line over the limit is cut between characters, and its mark is within the limit") {
  CHECK(to_log_line(std::string(limit + 1, 'x')) == std::string(limit - mark.size(), 'x') + mark);
  CHECK(to_log_line(std::string(100 * limit, 'x')).size() == limit);
  for (std::size_t before = 0; before < 4; ++before) {
    const std::string line = to_log_line(std::string(before, 'x') + characters(limit));
    CHECK(is_utf8(line));
    CHECK(line.size() <= limit);
    CHECK(line.size() > limit - 4);
    CHECK(line.ends_with("\u00e4" + mark));
  }
}

TEST_CASE("a log line that replacing makes too long is cut, too") {
  const std::string line = to_log_line(std::string(limit, '\xFF'));
  CHECK(is_utf8(line));
  CHECK(line.size() <= limit);
  CHECK(line.ends_with("\uFFFD" + mark));
}

TEST_CASE("a log line whose end is missing says so, however long it is") {
  CHECK(to_log_line("short", true) == "short" + mark);
  // The end that is missing began in the middle of a character.
  const std::string line = to_log_line(std::string(limit - 1, 'x') + "\xC3", true);
  CHECK(line == std::string(limit - mark.size(), 'x') + mark);
}

TEST_CASE("the first bytes of a text end between two characters") {
  CHECK(first_bytes("abc", 5) == "abc");
  CHECK(first_bytes("abc", 2) == "ab");
  CHECK(first_bytes("a\u00e4", 2) == "a");
  CHECK(first_bytes("\u00e4", 1).empty());
  CHECK(first_bytes("\U0001F600x", 4) == "\U0001F600");
}
