// Waits for the end of a delivery. The contract has no long poll for it: it is asked for again and again, ever more
// seldom. One thread.
#pragma once

#include <string>

#include "server/cli/session.h"

namespace longhaul::server {

struct DeliveryOutcome {
  Reply reply;  // the last GET /deliveries/{id}
  JsonObject delivery;
  ExitCode exit_code = ExitCode::ok;  // delivered: ok; given up: task_did_not_succeed; else still_running
};

[[nodiscard]] Accepted<DeliveryOutcome> wait_for_delivery(Session& session, const std::string& delivery_id,
                                                          double seconds);

[[nodiscard]] std::string webhook_path(const std::string& webhook_id);
[[nodiscard]] std::string delivery_path(const std::string& delivery_id);

}  // namespace longhaul::server
