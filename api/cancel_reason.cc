#include "api/cancel_reason.h"

#include "api/limits.h"
#include "api/utf8.h"

namespace longhaul::api {

std::optional<std::string> fault_of_cancel_reason(std::string_view reason) {
  if (!is_utf8(reason) || reason.find('\0') != std::string_view::npos) return "must be UTF-8 without U+0000";
  if (count_chars(reason) > limits::cancel_reason_chars) {
    return "must be at most " + std::to_string(limits::cancel_reason_chars) + " characters";
  }
  return std::nullopt;
}

}  // namespace longhaul::api
