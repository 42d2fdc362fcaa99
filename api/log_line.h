// What a line of a task's log becomes, whoever wrote it: valid UTF-8 of at most limits::log_line_bytes. Pure.
#pragma once

#include <string>
#include <string_view>

namespace longhaul::api {

// `bytes` may hold anything; what is no UTF-8 is replaced (see to_utf8). A line that is too long, or of which
// `is_cut` says that its end is missing already, ends with a mark that says so; the mark is within the limit.
[[nodiscard]] std::string to_log_line(std::string_view bytes, bool is_cut = false);

}  // namespace longhaul::api
