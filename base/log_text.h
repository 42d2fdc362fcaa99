// An event and its fields as the rest of a log line, behind time and level. Pure; any thread. For log.cc.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/log.h"

namespace longhaul::base {

// `task failed task_id=019f... code=EXIT_CODE`
[[nodiscard]] std::string log_as_text(std::string_view event, std::span<const LogField> fields);
// `"message":"task failed","task_id":"019f...","code":"EXIT_CODE"`
[[nodiscard]] std::string log_as_json(std::string_view event, std::span<const LogField> fields);

}  // namespace longhaul::base
