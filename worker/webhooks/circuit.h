// A circuit breaker: keeps an endpoint that does not answer, or answers with failures, from being tried again and again by
// all that it is owed. Closed, everything goes through. After some failures in a row it opens: then one delivery at a time
// is tried, after waits that double, to see whether the endpoint is back. The first success closes it.
//
// Pure: the caller brings time and randomness. Not thread-safe. Units: milliseconds.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "worker/webhooks/retry_schedule.h"

namespace longhaul::worker::webhooks {

inline constexpr base::Milliseconds longest_circuit_wait{300'000};

struct CircuitLimits {
  int failures = 5;  // in a row, then it opens
  base::Milliseconds first_wait{5'000};
  base::Milliseconds longest_wait = longest_circuit_wait;
};
// The first wait of the schedule, doubling to its longest, and no further than longest_circuit_wait.
[[nodiscard]] CircuitLimits circuit_limits(const RetrySchedule& schedule);

// What an attempt says of the endpoint.
enum class EndpointSign : std::uint8_t { none, works, fails };

struct AttemptSign {
  EndpointSign sign = EndpointSign::none;
  std::optional<base::Milliseconds> asked;  // with fails: how long the endpoint wants to be left alone
};

class Circuit {
 public:
  [[nodiscard]] bool is_open() const { return until_.has_value(); }
  // While it is open: when one delivery may be tried, and since when it has been open.
  [[nodiscard]] base::SteadyTime until() const { return *until_; }
  [[nodiscard]] base::SteadyTime opened_at() const { return opened_at_; }

  void close() { *this = {}; }
  // An attempt succeeded. Who asked to be left alone meant it, though what was under way then succeeds: only a trial ends
  // that.
  void succeed(bool was_trial) {
    if (!asked_ || was_trial) close();
  }
  // An attempt failed; `was_trial`: it was begun while the circuit was open. Those that were under way when it opened say
  // nothing new by failing too. Who asks to be left alone is, for at most longest_circuit_wait.
  void fail(base::SteadyTime now, bool was_trial, std::optional<base::Milliseconds> asked,
            const CircuitLimits& limits, std::uint64_t random);

 private:
  int failures_ = 0;
  int waits_ = 0;
  bool asked_ = false;  // to be left alone until then
  base::SteadyTime opened_at_;
  std::optional<base::SteadyTime> until_;
};

}  // namespace longhaul::worker::webhooks
