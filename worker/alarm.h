// What a service's thread sleeps on: a signal from other threads, a moment of the boot clock, a moment
// of the wall clock. Nothing armed and nobody calling: it sleeps for good.
//
// The wall alarm follows the wall clock: when somebody steps it, wait() returns at once (timerfd_create(2),
// TFD_TIMER_CANCEL_ON_SET), and the caller looks at the clock again. The boot alarm counts while the machine
// sleeps.
//
// Thread-safety: ring() from any thread; everything else from the one thread that waits.
#pragma once

#include <array>
#include <optional>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace longhaul::worker {

class Alarm {
 public:
  // With `system_timers` off only ring() wakes: for tests, whose clock is not the machine's.
  [[nodiscard]] base::Result<void> open(bool system_timers);

  void arm(std::optional<base::BootTime> boot, std::optional<base::WallTime> wall);
  void ring();
  // Returns after a ring, at the armed moments, or when the wall clock was set. May return for nothing.
  void wait();

  // For a thread that sleeps on more than this: any of these becomes readable after a ring and at the armed moment
  // of the boot clock. Having woken up it says so by heard().
  [[nodiscard]] std::array<int, 2> descriptors() const { return {bell_.get(), boot_timer_.get()}; }
  void heard();

 private:
  base::UniqueFd bell_;
  base::UniqueFd boot_timer_;
  base::UniqueFd wall_timer_;
  std::optional<base::BootTime> armed_boot_;  // as the kernel has it, to spare calls
  std::optional<base::WallTime> armed_wall_;
};

}  // namespace longhaul::worker
