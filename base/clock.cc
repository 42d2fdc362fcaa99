#include "base/clock.h"

#include <time.h>

#include <fstream>

namespace longhaul::base {
namespace {

Nanoseconds read_clock(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);
  return std::chrono::seconds(now.tv_sec) + Nanoseconds(now.tv_nsec);
}

}  // namespace

BootTime SystemClock::boot() const { return BootTime(read_clock(CLOCK_BOOTTIME)); }

WallTime SystemClock::wall() const {
  return WallTime(std::chrono::duration_cast<Milliseconds>(read_clock(CLOCK_REALTIME)));
}

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

}  // namespace longhaul::base
