#include "worker/retry_policy.h"

#include <algorithm>

namespace longhaul::worker {
namespace {

// min(cap, base * 2^(attempt - 1)) without overflow.
std::int64_t ceiling_ms(const RetryLimits& limits, int attempt) {
  const std::int64_t cap = std::max<std::int64_t>(0, limits.cap.count());
  std::int64_t ceiling = std::clamp<std::int64_t>(limits.base.count(), 0, cap);
  for (int i = 1; i < attempt && ceiling > 0 && ceiling < cap; ++i) {
    ceiling = ceiling > cap / 2 ? cap : ceiling * 2;
  }
  return ceiling;
}

}  // namespace

base::Milliseconds retry_delay(const RetryLimits& limits, int attempt, std::uint64_t random) {
  const std::int64_t ceiling = ceiling_ms(limits, attempt);
  const std::int64_t floor = std::min(ceiling, static_cast<std::int64_t>(retry_floor.count()));
  const auto drawn = static_cast<std::int64_t>(random % (static_cast<std::uint64_t>(ceiling) + 1));
  return base::Milliseconds(std::max(floor, drawn));
}

}  // namespace longhaul::worker
