// Loads that take turns, and what they cost.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "tests/bench/load_generator.h"
#include "tests/bench/plan.h"
#include "tests/bench/report.h"
#include "tests/bench/subjects.h"

namespace longhaul::bench {

// What came of all slices of one load.
struct Turns {
  LoadReport load;
  double cpu_seconds = 0;  // of the process that answered

  [[nodiscard]] double per_second() const { return load.per_second(); }
  [[nodiscard]] double cpu_us_per_request() const {
    return load.requests == 0 ? 0 : cpu_seconds * 1e6 / static_cast<double>(load.requests);
  }
  [[nodiscard]] Figure figure(std::string name) const {
    return {std::move(name), per_second(), "/s", load.latency.quantile(0.5), load.latency.quantile(0.99)};
  }
};

// One more slice of a load. Fails when an answer has another status than expected.
[[nodiscard]] base::Result<void> take_turn(const Plan& plan, const Subject& subject, LoadOptions options,
                                           Turns& turns);

// Starts that many tasks by this body, over 64 connections, and waits until all are final.
[[nodiscard]] base::Result<void> run_tasks(const Server& server, const std::string& body,
                                           std::uint64_t count);

}  // namespace longhaul::bench
