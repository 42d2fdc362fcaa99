// Waits for a task by long polls. One thread.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "server/cli/session.h"

namespace longhaul::server {

struct WaitOptions {
  std::optional<double> seconds;  // none: until it is final
  double poll_seconds = 300;      // how long one call may take: how often `on_status` is told
  std::function<void(const JsonObject&)> on_status = [](const JsonObject&) {};
};

struct WaitOutcome {
  Reply reply;  // the last status, final or not
  JsonObject status;
  ExitCode exit_code = ExitCode::ok;  // of how the task ended, or still_running
};

[[nodiscard]] Accepted<WaitOutcome> wait_for_task(Session& session, const std::string& task_id,
                                                  const WaitOptions& options);

// Prints where a task stands: the server's JSON, or a block for people.
void print_status(const Session& session, const Reply& reply, const JsonObject& status);

[[nodiscard]] std::string status_path(const std::string& task_id);
[[nodiscard]] std::string task_path(const std::string& task_id);

}  // namespace longhaul::server
