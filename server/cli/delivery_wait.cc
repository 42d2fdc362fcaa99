#include "server/cli/delivery_wait.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace longhaul::server {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr Seconds first_pause{0.02};
constexpr Seconds longest_pause{1};
constexpr double pause_growth = 1.5;

ExitCode outcome_of(const JsonObject& delivery) {
  const std::string status = delivery.text("status");
  if (status == "pending") return ExitCode::still_running;
  return status == "delivered" ? ExitCode::ok : ExitCode::task_did_not_succeed;
}

}  // namespace

Accepted<DeliveryOutcome> wait_for_delivery(Session& session, const std::string& delivery_id,
                                            double seconds) {
  const auto end = std::chrono::steady_clock::now() + Seconds(seconds);
  Seconds pause = first_pause;
  for (;;) {
    auto reply = session.get_patiently(delivery_path(delivery_id), {}, 0);
    if (!reply) return base::Failure{reply.error()};
    auto delivery = session.read(*reply);
    if (!delivery) return base::Failure{delivery.error()};
    const ExitCode exit_code = outcome_of(*delivery);
    const Seconds left = end - std::chrono::steady_clock::now();
    if (exit_code != ExitCode::still_running || left <= Seconds(0))
      return DeliveryOutcome{std::move(reply).value(), std::move(delivery).value(), exit_code};
    std::this_thread::sleep_for(std::min(pause, left));
    pause = std::min(pause * pause_growth, longest_pause);
  }
}

std::string webhook_path(const std::string& webhook_id) { return "/webhooks/" + escape_segment(webhook_id); }
std::string delivery_path(const std::string& delivery_id) {
  return "/deliveries/" + escape_segment(delivery_id);
}

}  // namespace longhaul::server
