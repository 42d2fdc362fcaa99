// Waits for a task by long polls. One thread.
#pragma once

#include <optional>
#include <string>

#include "server/cli/session.h"

namespace longhaul::server {

struct WaitOutcome {
  Reply reply;  // the last status, final or not
  JsonObject status;
  ExitCode exit_code = ExitCode::ok;  // of how the task ended, or still_running
};

// What a status says of how it went: a kept result in the place of the task's own is one.
[[nodiscard]] ExitCode exit_code_of(const JsonObject& status);

// `seconds`: none is until it is final.
[[nodiscard]] Accepted<WaitOutcome> wait_for_task(Session& session, const std::string& task_id,
                                                  const std::optional<double>& seconds);

// Prints where a task stands: the server's JSON, or a block for people.
void print_status(const Session& session, const Reply& reply, const JsonObject& status);

[[nodiscard]] std::string status_path(const std::string& task_id);
[[nodiscard]] std::string task_path(const std::string& task_id);

}  // namespace longhaul::server
