// From what became of a request to what becomes of its delivery, as one table. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "api/delivery.h"
#include "storage/outbox.h"
#include "worker/webhooks/circuit.h"
#include "worker/webhooks/retry_schedule.h"
#include "worker/webhooks/transfers.h"

namespace longhaul::worker::webhooks {

struct DeliveryOutcome {
  std::string_view error;  // as api::DeliveryAttempt has it; empty: delivered
  api::DeliveryStatus status = api::DeliveryStatus::pending;
  std::optional<base::Milliseconds> backoff;     // with pending
  std::optional<api::ExhaustedCause> exhausted;  // with exhausted
  AttemptSign sign;                              // of the endpoint
};

// `attempt` is the number of the one that ended, from 1; `random` is any 64 evenly distributed bits; `addressee` is whom it
// was sent to.
//   2xx                       delivered
//   410 Gone                  exhausted at once: nobody is there any more
//   429, 503 and Retry-After  that wait instead of the schedule's own
//   anything else             the schedule's next wait; exhausted after its last
//
// Of the endpoint a 2xx says that it works, and every other answer of a webhook, or none, that it fails. Callbacks of one
// origin have URLs of their own: there only no answer, 408, 429 and 5xx say that it fails, and other answers that it works.
// Where no connection was allowed nothing is said.
[[nodiscard]] DeliveryOutcome outcome_of(const TransferEnd& end, const RetrySchedule& schedule, int attempt,
                                         storage::Addressee addressee, std::uint64_t random);

}  // namespace longhaul::worker::webhooks
