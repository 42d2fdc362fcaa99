#include "worker/process/spawn_request.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "api/time_text.h"

namespace longhaul::worker::process {
namespace {

constexpr std::array<std::string_view, 6> own_variables{"LONGHAUL_TASK_ID",     "LONGHAUL_ATTEMPT",
                                                        "LONGHAUL_TOKEN",       "LONGHAUL_DEADLINE",
                                                        "LONGHAUL_PROGRESS_FD", "TRACEPARENT"};

bool is_own(std::string_view name) {
  return std::find(own_variables.begin(), own_variables.end(), name) != own_variables.end();
}

}  // namespace

SpawnRequest make_spawn_request(const AttemptOrder& order) {
  SpawnRequest request;
  request.token = order.token.get();
  request.arguments = order.type->command;
  request.cpu_seconds = order.type->cpu_seconds;
  request.open_files = order.type->open_files;
  for (const auto& [name, value] : order.type->environment)
    if (!is_own(name)) request.environment.push_back(name + "=" + value);
  const auto add = [&](std::string_view name, const std::string& value) {
    request.environment.push_back(std::string(name) + "=" + value);
  };
  add("LONGHAUL_TASK_ID", order.id.text());
  add("LONGHAUL_ATTEMPT", std::to_string(order.attempt));
  add("LONGHAUL_TOKEN", std::to_string(order.token.get()));
  add("LONGHAUL_PROGRESS_FD", std::to_string(progress_descriptor));
  if (order.deadline_at) add("LONGHAUL_DEADLINE", api::to_text(*order.deadline_at));
  if (!order.traceparent.empty()) add("TRACEPARENT", order.traceparent);
  return request;
}

}  // namespace longhaul::worker::process
