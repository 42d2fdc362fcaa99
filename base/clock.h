// The one source of time. Three timelines, three types, so that the compiler keeps them apart:
//
//   BootTime    CLOCK_BOOTTIME: never steps, counts while the machine sleeps, starts anew at boot. For timeouts.
//   WallTime    CLOCK_REALTIME: what people read and write; an operator or NTP may step it.
//   SteadyTime  boot time plus an offset that the store keeps for each boot (see storage/steady_offset): never
//               steps while the machine is up, survives a restart of the server. For durations that must
//               outlive the process ("deadline_seconds", "delay_seconds", retry backoff).
//
// Thread-safety: every method of Clock may be called from any thread.
// Units: WallTime and SteadyTime in milliseconds, BootTime in nanoseconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace longhaul::base {

using Milliseconds = std::chrono::milliseconds;
using Nanoseconds = std::chrono::nanoseconds;

struct BootClock {
  using rep = Nanoseconds::rep;
  using period = Nanoseconds::period;
  using duration = Nanoseconds;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
};
struct SteadyTimeline {
  using rep = Milliseconds::rep;
  using period = Milliseconds::period;
  using duration = Milliseconds;
  using time_point = std::chrono::time_point<SteadyTimeline>;
  static constexpr bool is_steady = true;
};

using BootTime = BootClock::time_point;
using SteadyTime = SteadyTimeline::time_point;
using WallTime = std::chrono::sys_time<Milliseconds>;

class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;
  [[nodiscard]] virtual BootTime boot() const = 0;
  [[nodiscard]] virtual WallTime wall() const = 0;
};

// The machine's own clocks.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] BootTime boot() const override;
  [[nodiscard]] WallTime wall() const override;
};

// Names this boot of the machine (/proc/sys/kernel/random/boot_id), so that a process id or a boot time
// written down before a reboot is never taken for one of today. Empty when the kernel does not tell.
[[nodiscard]] std::string boot_id();

}  // namespace longhaul::base
