// The target of a request line, taken apart and decoded (RFC 9112, section 3.2; RFC 3986). Pure functions.
// Each returns a fault in words, a static text, or an empty one when all is well; `out` parameters are only
// good then.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace longhaul::server {

struct TargetParts {
  std::string_view authority;  // of the absolute form; empty otherwise
  std::string_view path;       // still encoded; "*" for the asterisk form
  std::string_view query;      // still encoded, without the '?'
};

// Takes "/path?query", "http://host/path?query", and "*" for OPTIONS alone.
[[nodiscard]] std::string_view split_target(std::string_view method, std::string_view target,
                                            TargetParts& out);

// Refuses broken escapes, encoded control characters and what is not UTF-8 once decoded.
[[nodiscard]] std::string_view decode_path(std::string_view encoded, std::string& out);

// The path with each segment that decode_path() refuses replaced by an encoded U+FFFD: it can still be looked
// for, and is found nowhere, or as a parameter that nothing is called.
[[nodiscard]] std::string repair_path(std::string_view encoded);

// "a=1&b=x+y": pairs in order, '+' is a space; a piece without '=' has an empty value, an empty piece is
// none.
[[nodiscard]] std::string_view decode_query(std::string_view encoded,
                                            std::vector<std::pair<std::string, std::string>>& out);

}  // namespace longhaul::server
