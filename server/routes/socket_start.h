// A start that came over a WebSocket: judged and carried out as POST /start-task does it without a wait.
#pragma once

#include <functional>
#include <string>

#include "api/problem.h"
#include "api/socket_message.h"
#include "server/routes/route.h"

namespace longhaul::server {

// `done` is called once, on the loop's thread, with the task's status as JSON or the problem; maybe before this
// returns. Call it on the loop's thread.
void start_for_socket(const RouteContext& context, const api::SocketStart& order,
                      std::function<void(const api::Checked<std::string>&)> done);

}  // namespace longhaul::server
