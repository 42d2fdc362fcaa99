#include "worker/webhooks/delivery_outcome.h"

namespace longhaul::worker::webhooks {
namespace {

constexpr int request_timeout = 408;
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

EndpointSign sign_of(const TransferEnd& end, storage::Addressee addressee) {
  if (end.fault == TransferFault::address_refused) return EndpointSign::none;
  if (end.fault != TransferFault::none) return EndpointSign::fails;
  const int status = end.status.value_or(0);
  if (status >= 200 && status < 300) return EndpointSign::works;
  if (addressee != storage::Addressee::callback) return EndpointSign::fails;
  const bool fails = status >= 500 || status == request_timeout || status == too_many_requests;
  return fails ? EndpointSign::fails : EndpointSign::works;
}

}  // namespace

DeliveryOutcome outcome_of(const TransferEnd& end, const RetrySchedule& schedule, int attempt,
                           storage::Addressee addressee, std::uint64_t random) {
  using api::DeliveryStatus;
  DeliveryOutcome outcome{error_of(end), DeliveryStatus::delivered, std::nullopt, std::nullopt, {}};
  const int status = end.status.value_or(0);
  const bool may_ask = status == too_many_requests || status == service_unavailable;
  const auto asked = may_ask ? end.retry_after : std::nullopt;
  outcome.sign = {sign_of(end, addressee), asked};
  if (outcome.error.empty()) return outcome;
  outcome.backoff = wait_after(schedule, attempt, asked, random);
  if (status == gone) {
    outcome.backoff.reset();
    outcome.exhausted = api::ExhaustedCause::gone;
  } else if (!outcome.backoff) {
    outcome.exhausted = api::ExhaustedCause::attempts;
  }
  outcome.status = outcome.backoff ? DeliveryStatus::pending : DeliveryStatus::exhausted;
  return outcome;
}

}  // namespace longhaul::worker::webhooks
