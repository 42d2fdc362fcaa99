// Takes an answer apart as ours and the bare loop write it; a load generator for every server would have to
// look harder.
#pragma once

#include <charconv>
#include <cstddef>
#include <string_view>

namespace longhaul::bench {

struct HttpAnswer {
  int status = 0;
  std::string_view body;  // a part of the bytes given
};

// False: not whole yet. The bytes are those of one answer: whoever calls has one request out on the
// connection.
inline bool parse_answer(std::string_view bytes, HttpAnswer& out) {
  constexpr std::string_view length_name = "\r\nContent-Length: ";
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos || end < 12) return false;
  const std::string_view head = bytes.substr(0, end + 2);
  std::from_chars(head.data() + 9, head.data() + 12, out.status);
  std::size_t length = 0;
  if (const std::size_t at = head.find(length_name); at != std::string_view::npos) {
    std::from_chars(head.data() + at + length_name.size(), head.data() + head.size(), length);
  }
  if (bytes.size() < end + 4 + length) return false;
  out.body = bytes.substr(end + 4);
  return true;
}

}  // namespace longhaul::bench
