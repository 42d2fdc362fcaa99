// A clock that stands still until a test moves it. `advance` is time that passes; `step_wall` is an operator
// or NTP setting the wall clock, which the boot clock does not notice; `reboot` is the machine off for a
// while, its boot clock anew.
//
// Thread-safety: every method from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace longhaul::tests {

class ManualClock final : public base::Clock {
 public:
  // 2026-03-01T12:00:00Z on the wall, an hour after boot.
  ManualClock() = default;

  [[nodiscard]] base::BootTime boot() const override {
    return base::BootTime(base::Nanoseconds(boot_ns_.load()));
  }
  [[nodiscard]] base::WallTime wall() const override {
    return base::WallTime(base::Milliseconds(wall_ms_.load()));
  }

  void advance(base::Milliseconds by) {
    boot_ns_ += base::Nanoseconds(by).count();
    wall_ms_ += by.count();
  }
  void step_wall(base::Milliseconds by) { wall_ms_ += by.count(); }
  void reboot(base::Milliseconds off) {
    boot_ns_ = base::Nanoseconds(std::chrono::seconds(10)).count();
    wall_ms_ += off.count();
  }

 private:
  std::atomic<std::int64_t> boot_ns_{base::Nanoseconds(std::chrono::hours(1)).count()};
  std::atomic<std::int64_t> wall_ms_{1'772'366'400'000};
};

}  // namespace longhaul::tests
