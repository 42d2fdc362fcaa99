// The queue or type under which all are added up that have no series of their own. Not a name that anybody can
// give: those have no parentheses (api/fault_list.h).
#pragma once

#include <string_view>

namespace longhaul::server {

inline constexpr std::string_view label_of_others = "(other)";

}  // namespace longhaul::server
