// A task's status for people: a block of aligned lines, one line of progress, a row of a table. Pure; any
// thread.
#pragma once

#include <string>
#include <vector>

#include "server/cli/json_object.h"

namespace longhaul::server {

// One "name  value" a line, aligned; what the task does not have is left out. Ends with a newline.
[[nodiscard]] std::string status_text(const JsonObject& status);

// "running  42 %  counting words  (attempt 1 of 3)".
[[nodiscard]] std::string progress_line(const JsonObject& status);

// A table with a head, columns as wide as they need to be. Ends with a newline.
[[nodiscard]] std::string task_table(const std::vector<JsonObject>& tasks);

[[nodiscard]] bool is_final_status(const JsonObject& status);

}  // namespace longhaul::server
