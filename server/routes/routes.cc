#include "server/routes/routes.h"

#include <iterator>

namespace longhaul::server {

std::vector<Route> all_routes(const RouteContext& context) {
  std::vector<Route> all;
  for (std::vector<Route> some :
       {start_task_routes(context), task_status_routes(context), task_statuses_routes(context),
        event_routes(context), socket_routes(context), task_routes(context), cancel_routes(context),
        retry_routes(context), task_log_routes(context), webhook_routes(context), delivery_routes(context),
        redelivery_routes(context), task_type_routes(context), stats_routes(context), metrics_routes(context),
        health_routes(context), openapi_routes()}) {
    all.insert(all.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  }
  return all;
}

}  // namespace longhaul::server
