#include "server/cli/task_wait.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>

#include "api/limits.h"
#include "server/cli/status_text.h"

namespace longhaul::server {
namespace {

constexpr double longest_wait = api::limits::wait_seconds_max;  // of one call

}  // namespace

ExitCode exit_code_of(const JsonObject& status) {
  if (!status.text("cached_at").empty()) return ExitCode::ok;
  if (!is_final_status(status)) return ExitCode::still_running;
  return status.text("status") == "succeeded" ? ExitCode::ok : ExitCode::task_did_not_succeed;
}

Accepted<WaitOutcome> wait_for_task(Session& session, const std::string& task_id,
                                    const std::optional<double>& seconds) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  for (bool asked_before = false;; asked_before = true) {
    double left = longest_wait;
    if (seconds) {
      const double passed = std::chrono::duration<double>(Clock::now() - begin).count();
      left = std::clamp(*seconds - passed, 0.0, longest_wait);
    }
    // Rounded to what the server counts in, so that the last call does not come back a hair early.
    const double wait = std::max(0.0, std::ceil(left * 1000) / 1000);
    const NameValues query = {{"wait", std::to_string(wait)}};
    auto reply = asked_before ? session.get_patiently(status_path(task_id), query, wait)
                              : session.get(status_path(task_id), query, wait);
    if (!reply) return base::Failure{reply.error()};
    auto status = session.read(*reply);
    if (!status) return base::Failure{status.error()};
    const ExitCode exit_code = exit_code_of(*status);
    if (exit_code != ExitCode::still_running || (seconds && left == 0.0)) {
      return WaitOutcome{std::move(reply).value(), std::move(status).value(), exit_code};
    }
  }
}

void print_status(const Session& session, const Reply& reply, const JsonObject& status) {
  if (session.json()) {
    Session::print(reply);
  } else {
    std::cout << status_text(status);
  }
}

std::string status_path(const std::string& task_id) { return "/task-status/" + escape_segment(task_id); }
std::string task_path(const std::string& task_id) { return "/tasks/" + escape_segment(task_id); }

}  // namespace longhaul::server
