// From a start request to the task that the store is asked to make: defaults of the type filled in, durations
// put on their timelines. Pure; any thread.
#pragma once

#include <optional>

#include "api/problem.h"
#include "api/start_request.h"
#include "storage/store.h"
#include "worker/task_type.h"

namespace longhaul::server {

// The 422 for a deadline that has passed already, in a start or a retry.
[[nodiscard]] std::optional<api::Problem> judge_deadline(const std::optional<api::WallTime>& deadline_at,
                                                         const storage::Now& now);

// Durations follow the steady timeline, dates the wall clock. A `run_at` in the past means now.
[[nodiscard]] storage::NewTask make_new_task(api::StartRequest request, const worker::TaskType& type,
                                             const api::TaskId& id, const storage::Now& now);

}  // namespace longhaul::server
