// When a delivery that failed is tried again: a list of waits, each with jitter, so that deliveries which failed
// together do not come back together. After the last of them the delivery is given up.
//
// Pure: the caller brings the randomness. Units: milliseconds.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"

namespace longhaul::worker::webhooks {

// One wait after each failed attempt: an attempt more is made than there are waits.
using RetrySchedule = std::vector<base::Milliseconds>;

[[nodiscard]] RetrySchedule default_retry_schedule();  // 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h

// Each wait is drawn evenly from this much below to this much above what the schedule says.
inline constexpr double retry_jitter = 0.2;
[[nodiscard]] base::Milliseconds jittered(base::Milliseconds wait, std::uint64_t random);

// What a receiver may ask for (Retry-After); less or more than this counts as this.
inline constexpr base::Milliseconds asked_wait_min{1'000};
inline constexpr base::Milliseconds asked_wait_max{24 * 3'600'000};

// The wait after attempt number `attempt` (from 1) failed; nothing when it was the last. `asked` is what the
// receiver wants and takes the place of the schedule's own wait. `random` is any 64 evenly distributed bits.
[[nodiscard]] std::optional<base::Milliseconds> wait_after(const RetrySchedule& schedule, int attempt,
                                                           std::optional<base::Milliseconds> asked,
                                                           std::uint64_t random);

}  // namespace longhaul::worker::webhooks
