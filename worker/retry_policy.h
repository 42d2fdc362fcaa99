// How long a failed attempt waits before the next one: exponential backoff with full jitter and a cap. The
// delay is drawn evenly from [0, min(cap, base * 2^(attempt - 1))], so that tasks which failed together do
// not come back together ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
//
// Pure: the caller brings the randomness. Units: milliseconds.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace longhaul::worker {

struct RetryLimits {
  base::Milliseconds base{1'000};
  base::Milliseconds cap{300'000};
};

// No delay is shorter than this (or than what the limits allow, when that is less). Full jitter may draw 0,
// and work that fails at once would then be claimed, started and written down again as fast as the disk can
// follow; with this floor a slot does that at most 20 times a second, and nobody who waits for a retry
// notices the difference.
inline constexpr base::Milliseconds retry_floor{50};

// `attempt` is the number of the one that failed, from 1; `random` is any 64 evenly distributed bits.
[[nodiscard]] base::Milliseconds retry_delay(const RetryLimits& limits, int attempt, std::uint64_t random);

}  // namespace longhaul::worker
