// The clock that poll(2) and epoll_wait(2) count in: CLOCK_MONOTONIC. For pauses and limits within a process
// that is there for processes only; what an attempt is measured by is base/clock.h.
#pragma once

#include <time.h>

#include <cstdint>

namespace longhaul::worker::process {

[[nodiscard]] inline std::int64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace longhaul::worker::process
