#include "worker/retry_policy.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <random>

#include "tests/support/seed.h"

using namespace longhaul;
using worker::retry_delay;
using worker::RetryLimits;
using namespace std::chrono_literals;

TEST_CASE("retry delay: drawn from zero to base doubled with each attempt, up to the cap") {
  const auto seed = tests::test_seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const RetryLimits limits{1000ms, 60'000ms};
  const std::int64_t ceilings[] = {1000, 2000, 4000, 8000, 16'000, 32'000, 60'000, 60'000, 60'000};
  for (int attempt = 1; attempt <= 9; ++attempt) {
    const std::int64_t ceiling = ceilings[attempt - 1];
    std::int64_t least = ceiling;
    std::int64_t most = 0;
    double sum = 0;
    constexpr int draws = 20'000;
    for (int i = 0; i < draws; ++i) {
      const std::int64_t delay = retry_delay(limits, attempt, random()).count();
      least = std::min(least, delay);
      most = std::max(most, delay);
      sum += static_cast<double>(delay);
    }
    CAPTURE(attempt);
    CHECK(least >= worker::retry_floor.count());
    CHECK(most <= ceiling);
    CHECK(static_cast<double>(least) <
          0.1 * static_cast<double>(ceiling));  // full jitter: the whole range is used
    CHECK(static_cast<double>(most) > 0.95 * static_cast<double>(ceiling));
    CHECK(sum / draws == doctest::Approx(static_cast<double>(ceiling) / 2).epsilon(0.05));
  }
}

TEST_CASE("retry delay: the edges of what is drawn") {
  const RetryLimits limits{1000ms, 60'000ms};
  CHECK(retry_delay(limits, 1, 0) == worker::retry_floor);
  CHECK(retry_delay(limits, 1, 1000) == 1000ms);
  CHECK(retry_delay(limits, 1, 1001) == worker::retry_floor);
  CHECK(retry_delay(limits, 2, 2000) == 2000ms);
}

TEST_CASE("retry delay: no overflow, whatever the limits and the attempt") {
  constexpr auto huge = base::Milliseconds(std::numeric_limits<std::int64_t>::max());
  for (const int attempt : {1, 2, 63, 64, 65, 100, 1'000'000, std::numeric_limits<int>::max()}) {
    for (const std::uint64_t random : {std::uint64_t{0}, std::numeric_limits<std::uint64_t>::max()}) {
      const auto delay = retry_delay({1000ms, huge}, attempt, random);
      CHECK(delay >= worker::retry_floor);
      CHECK(delay <= huge);
    }
  }
  CHECK(retry_delay({1ms, huge}, 100, std::numeric_limits<std::uint64_t>::max()) > 0ms);
}

TEST_CASE("retry delay: limits below the floor are taken as they are") {
  CHECK(retry_delay({10ms, 10ms}, 1, 3) == 10ms);
  CHECK(retry_delay({0ms, 0ms}, 5, 12345) == 0ms);
  CHECK(retry_delay({1000ms, 20ms}, 1, 7) == 20ms);
  CHECK(retry_delay({-5ms, -5ms}, 1, 7) == 0ms);
}
