// Where a task stands, on one line of a terminal. Pure; any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "server/cli/json_object.h"

namespace longhaul::server {

// "running  [########----------]  42 %  counting words  0:07", never more than `columns` characters: the message
// gives way first, then the bar. Without a percentage there is no bar.
[[nodiscard]] std::string progress_bar(const JsonObject& status, std::chrono::seconds elapsed,
                                       std::size_t columns);

// "0:07", "12:34", "1:02:03".
[[nodiscard]] std::string clock_text(std::chrono::seconds elapsed);

}  // namespace longhaul::server
