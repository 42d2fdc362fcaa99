#include "worker/webhooks/circuit.h"

#include <algorithm>

namespace longhaul::worker::webhooks {
namespace {

base::Milliseconds wait_number(int number, const CircuitLimits& limits) {
  base::Milliseconds wait = limits.first_wait;
  for (int i = 0; i < number && wait < limits.longest_wait; ++i) wait *= 2;
  return std::min(wait, limits.longest_wait);
}

}  // namespace

CircuitLimits circuit_limits(const RetrySchedule& schedule) {
  CircuitLimits limits;
  if (schedule.empty()) return limits;
  limits.first_wait = std::min(schedule.front(), longest_circuit_wait);
  limits.longest_wait = std::min(*std::max_element(schedule.begin(), schedule.end()), longest_circuit_wait);
  return limits;
}

void Circuit::fail(base::SteadyTime now, bool was_trial, std::optional<base::Milliseconds> asked,
                   const CircuitLimits& limits, std::uint64_t random) {
  ++failures_;
  if (!asked && (is_open() ? !was_trial : failures_ < limits.failures)) return;
  if (!is_open()) opened_at_ = now;
  if (asked) {
    const base::SteadyTime wanted = now + std::clamp(*asked, base::Milliseconds(0), longest_circuit_wait);
    until_ = until_ && !was_trial ? std::max(*until_, wanted) : wanted;
  } else {
    until_ = now + jittered(wait_number(waits_++, limits), random);
  }
  asked_ = asked.has_value();
}

}  // namespace longhaul::worker::webhooks
