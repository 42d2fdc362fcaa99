// What several routes answer alike: the store's faults as problems, a task's status with its headers, reads
// made off the loop. Thread-safety: any thread, except where it says otherwise.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "api/fault_list.h"
#include "api/problem.h"
#include "api/task.h"
#include "server/http/http_server.h"
#include "server/routes/readiness.h"
#include "server/routes/route.h"
#include "storage/store.h"

namespace longhaul::server {

[[nodiscard]] api::Problem to_problem(const storage::StoreError& error);
[[nodiscard]] api::Problem task_not_found_problem();
[[nodiscard]] api::Problem overloaded_problem();
[[nodiscard]] api::Problem queue_full_problem(std::int64_t max_open_tasks);
// Nothing when requests may be taken.
[[nodiscard]] std::optional<api::Problem> not_ready_problem(Readiness::Phase phase);

// A refusal that shows the task it speaks of: `task_id` and `task_status`.
[[nodiscard]] api::Problem task_problem(api::ErrorCode code, std::string detail,
                                        const api::TaskSnapshot& task);

[[nodiscard]] Response json_response(int status, std::string body);
// The task's status as the body; Retry-After while it is not final.
[[nodiscard]] Response status_response(const RouteContext& context, int status,
                                       const api::TaskSnapshot& task);
// The same for a start: 202 and Location.
[[nodiscard]] Response accepted_response(const RouteContext& context, const api::TaskSnapshot& task);

// The task id in the path; nothing (and the 404 sent) when it is none.
[[nodiscard]] std::optional<api::TaskId> path_task_id(const Request& request, const Responder& responder);

// A query parameter that may be given once; null when it is absent. Given twice is a fault.
[[nodiscard]] const std::string* single_parameter(const Request& request, std::string_view name,
                                                  api::FaultList& faults);

// Runs `work` on the readers' pool and sends what it returns; 503 when the pool has too much to do.
void answer_off_loop(const RouteContext& context, const Responder& responder,
                     std::function<api::Checked<Response>()> work);

// Finds a task and calls `then` with its latest snapshot (null: unknown) on the loop's thread: at once when it is
// in memory, else after a read; with a problem when it cannot be read. Call it on the loop's thread.
void find_task(const RouteContext& context, const api::TaskId& id,
               std::function<void(const api::Checked<api::TaskSnapshotPtr>&)> then);

// Finds a task and calls `then` with its latest snapshot (null: unknown) on the loop's thread: at once when
// it is in memory, else after a read. Sends the problem itself when the read fails. Call it on the loop's
// thread.
void with_task(const RouteContext& context, const api::TaskId& id, const Responder& responder,
               std::function<void(const api::TaskSnapshotPtr&)> then);

// When a wait of this length that begins now is over.
[[nodiscard]] inline base::BootTime end_of_wait(const RouteContext& context, base::Milliseconds wait) {
  return context.clock.boot() + wait;
}

}  // namespace longhaul::server
