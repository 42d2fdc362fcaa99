// Page tokens of GET /tasks (api/sealed_token.h), bound to the filter they were made for.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/task_query.h"

namespace longhaul::api {

// make_page_token() is in task_query.h. Nothing when the token is damaged or belongs to another filter.
[[nodiscard]] std::optional<TaskId> read_page_token(const TaskFilter& filter, std::string_view token);

}  // namespace longhaul::api
