// What starts are answered with. Any thread.
#pragma once

#include <cstdint>

#include "api/problem.h"
#include "server/http/http_server.h"
#include "server/routes/route.h"
#include "storage/store.h"

namespace longhaul::server {

// How a start came by its task.
enum class TaskOrigin : std::uint8_t { created, replayed, deduplicated };

struct StartedTask {
  api::TaskSnapshotPtr task;
  TaskOrigin origin = TaskOrigin::created;
};

// The task's status, with the header or member that says where it comes from. 202 has a Location.
[[nodiscard]] Response start_response(const RouteContext& context, int status, const StartedTask& started);
// The same with an old result in the place of the task's own: 200 and its Age.
[[nodiscard]] Response stale_response(const RouteContext& context, const StartedTask& started,
                                      const storage::CachedResult& kept);
// A result that was there already: 200 and its Age. No task was started.
[[nodiscard]] Response fresh_response(const storage::CachedResult& kept);

[[nodiscard]] api::Problem key_reused_problem();
[[nodiscard]] api::Problem task_gone_problem();
// The task was not done in time, and is stopped.
[[nodiscard]] api::Problem task_timed_out_problem(const api::TaskSnapshot& task);

}  // namespace longhaul::server
