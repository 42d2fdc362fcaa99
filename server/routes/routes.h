// The resources of the HTTP contract, one file each. What they answer is said in api/openapi.json.
// Ownership: the context must outlive the server that the routes are installed in.
#pragma once

#include <cstddef>
#include <vector>

#include "server/routes/route.h"

namespace longhaul::server {

[[nodiscard]] std::vector<Route> start_task_routes(const RouteContext& context);   // POST /start-task
[[nodiscard]] std::vector<Route> task_status_routes(const RouteContext& context);  // GET /task-status/:id
[[nodiscard]] std::vector<Route> task_routes(const RouteContext& context);  // GET /tasks, GET /tasks/:id
[[nodiscard]] std::vector<Route> task_statuses_routes(const RouteContext& context);  // GET /task-status
[[nodiscard]] std::vector<Route> event_routes(const RouteContext& context);          // GET /events
[[nodiscard]] std::vector<Route> socket_routes(const RouteContext& context);         // GET /ws
[[nodiscard]] std::vector<Route> cancel_routes(const RouteContext& context);         // DELETE /tasks/:id
[[nodiscard]] std::vector<Route> retry_routes(const RouteContext& context);          // POST /tasks/:id/retry
[[nodiscard]] std::vector<Route> task_log_routes(const RouteContext& context);       // GET /tasks/:id/logs
// GET /tasks/:id/deliveries, /webhooks/:id/deliveries, /deliveries/:id
[[nodiscard]] std::vector<Route> delivery_routes(const RouteContext& context);
// POST /webhooks/:id/test, /webhooks/:id/recover, /deliveries/:id/redeliver
[[nodiscard]] std::vector<Route> redelivery_routes(const RouteContext& context);
// /webhooks, /webhooks/:id, POST /webhooks/:id/rotate-secret
[[nodiscard]] std::vector<Route> webhook_routes(const RouteContext& context);
[[nodiscard]] std::vector<Route> task_type_routes(const RouteContext& context);  // GET /task-types
[[nodiscard]] std::vector<Route> stats_routes(const RouteContext& context);      // GET /stats
[[nodiscard]] std::vector<Route> metrics_routes(const RouteContext& context);    // GET /metrics
[[nodiscard]] std::vector<Route> health_routes(const RouteContext& context);     // GET /livez, /readyz
[[nodiscard]] std::vector<Route> openapi_routes();                               // GET /openapi.json

// The most that a start's body may have for any type; one over its own type's limit is refused once its type
// is known.
[[nodiscard]] std::size_t greatest_body_bytes(const worker::TaskTypes& types);

// All of them.
[[nodiscard]] std::vector<Route> all_routes(const RouteContext& context);

}  // namespace longhaul::server
