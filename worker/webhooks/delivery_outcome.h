// From what became of a request to what becomes of its delivery, as one table. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "api/delivery.h"
#include "worker/webhooks/retry_schedule.h"
#include "worker/webhooks/transfers.h"

namespace longhaul::worker::webhooks {

struct DeliveryOutcome {
  std::string_view error;  // as api::DeliveryAttempt has it; empty: delivered
  api::DeliveryStatus status = api::DeliveryStatus::pending;
  std::optional<base::Milliseconds> backoff;  // with pending
};

// `attempt` is the number of the one that ended, from 1; `random` is any 64 evenly distributed bits.
//   2xx                       delivered
//   410 Gone                  exhausted at once: nobody is there any more
//   429, 503 and Retry-After  that wait instead of the schedule's own
//   anything else             the schedule's next wait; exhausted after its last
[[nodiscard]] DeliveryOutcome outcome_of(const TransferEnd& end, const RetrySchedule& schedule, int attempt,
                                         std::uint64_t random);

}  // namespace longhaul::worker::webhooks
