#include "worker/webhooks/delivery_outcome.h"

namespace longhaul::worker::webhooks {
namespace {

constexpr int gone = 410;
constexpr int too_many_requests = 429;
constexpr int service_unavailable = 503;

std::string_view error_of(const TransferEnd& end) {
  switch (end.fault) {
    case TransferFault::none: break;
    case TransferFault::address_refused: return "ADDRESS_REFUSED";
    case TransferFault::dns_failed: return "DNS_FAILED";
    case TransferFault::connect_failed: return "CONNECT_FAILED";
    case TransferFault::tls_failed: return "TLS_FAILED";
    case TransferFault::timed_out: return "TIMED_OUT";
    case TransferFault::connection_lost: return "CONNECTION_LOST";
  }
  const int status = end.status.value_or(0);
  if (status >= 200 && status < 300) return "";
  return status >= 300 && status < 400 ? "REDIRECT" : "BAD_STATUS";
}

}  // namespace

DeliveryOutcome outcome_of(const TransferEnd& end, const RetrySchedule& schedule, int attempt,
                           std::uint64_t random) {
  using api::DeliveryStatus;
  const std::string_view error = error_of(end);
  if (error.empty()) return {error, DeliveryStatus::delivered, std::nullopt};
  if (end.status == gone) return {error, DeliveryStatus::exhausted, std::nullopt};
  const int status = end.status.value_or(0);
  const bool may_ask = status == too_many_requests || status == service_unavailable;
  const auto wait = wait_after(schedule, attempt, may_ask ? end.retry_after : std::nullopt, random);
  return {error, wait ? DeliveryStatus::pending : DeliveryStatus::exhausted, wait};
}

}  // namespace longhaul::worker::webhooks
