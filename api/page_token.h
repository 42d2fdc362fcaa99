// Page tokens of GET /tasks: where a page ended, bound to the filter it was made for. Opaque and URL-safe to
// callers. They hold no secret and give no access: the binding is there so that a mistake is told instead of
// answered with odd pages.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/task_query.h"

namespace longhaul::api {

// make_page_token() is in task_query.h. Nothing when the token is damaged or belongs to another filter.
[[nodiscard]] std::optional<TaskId> read_page_token(const TaskFilter& filter, std::string_view token);

}  // namespace longhaul::api
