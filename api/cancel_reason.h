// The reason that a caller gives for a cancel; it is kept with the task. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace longhaul::api {

// What is wrong with it: "must ...". Nothing when it can be kept.
[[nodiscard]] std::optional<std::string> fault_of_cancel_reason(std::string_view reason);

}  // namespace longhaul::api
