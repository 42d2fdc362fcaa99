// The traceparent header of W3C Trace Context (https://www.w3.org/TR/trace-context/#traceparent-header).
#pragma once

#include <string_view>

namespace longhaul::server {

// True for a value that may be handed on: version 00 exactly, or a later version that begins like it. Its
// length is bounded.
[[nodiscard]] bool is_traceparent(std::string_view text);

}  // namespace longhaul::server
