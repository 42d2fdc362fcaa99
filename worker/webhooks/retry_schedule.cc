#include "worker/webhooks/retry_schedule.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace longhaul::worker::webhooks {

RetrySchedule default_retry_schedule() {
  using std::chrono::hours;
  using std::chrono::minutes;
  using std::chrono::seconds;
  return {seconds(5), minutes(5), minutes(30), hours(2), hours(5), hours(10), hours(10)};
}

base::Milliseconds jittered(base::Milliseconds wait, std::uint64_t random) {
  const double fraction =
      static_cast<double>(random) / static_cast<double>(std::numeric_limits<std::uint64_t>::max());
  const double factor = 1 - retry_jitter + 2 * retry_jitter * fraction;
  return base::Milliseconds(std::llround(static_cast<double>(wait.count()) * factor));
}

std::optional<base::Milliseconds> wait_after(const RetrySchedule& schedule, int attempt,
                                             std::optional<base::Milliseconds> asked, std::uint64_t random) {
  const auto index = static_cast<std::size_t>(std::max(attempt, 1) - 1);
  if (index >= schedule.size()) return std::nullopt;
  if (asked) return std::clamp(*asked, asked_wait_min, asked_wait_max);
  return jittered(schedule[index], random);
}

}  // namespace longhaul::worker::webhooks
