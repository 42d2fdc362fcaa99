#include "api/log_line.h"

#include "api/limits.h"
#include "api/utf8.h"

namespace longhaul::api {

std::string to_log_line(std::string_view bytes, bool is_cut) {
  // What lies beyond the limit is cut anyway; four bytes more, and no character is broken by this.
  std::string line = to_utf8(bytes.substr(0, limits::log_line_bytes + 4));
  if (!is_cut && line.size() <= limits::log_line_bytes) return line;
  const std::string mark = " [line cut at " + std::to_string(limits::log_line_bytes) + " bytes]";
  line.resize(first_bytes(line, limits::log_line_bytes - mark.size()).size());
  return line + mark;
}

}  // namespace longhaul::api
