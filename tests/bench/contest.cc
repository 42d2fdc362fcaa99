#include "tests/bench/contest.h"

#include <string>
#include <utility>

namespace longhaul::bench {

base::Result<void> take_turn(const Plan& plan, const Subject& subject, LoadOptions options, Turns& turns) {
  options.port = subject.port;
  options.duration = plan.slice();
  options.warm_up = plan.warm_up();
  const auto before = subject.figures();
  const auto report = run_load(options);
  const auto after = subject.figures();
  if (!report) return base::fail(report.error().message);
  if (!before || !after) return base::fail("the measured process has gone");
  if (report.value().unexpected > 0) {
    return base::fail(std::to_string(report.value().unexpected) + " answers were not a " +
                      std::to_string(options.expected_status));
  }
  turns.load.add(report.value());
  turns.cpu_seconds += after.value().cpu_seconds - before.value().cpu_seconds;
  return {};
}

}  // namespace longhaul::bench
