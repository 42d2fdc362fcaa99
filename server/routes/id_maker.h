// Makes task ids: UUIDv7 that grow with every call, within a millisecond and across a clock that steps back,
// too (RFC 9562, section 6.2: a counter in the bits after the time, which borrows from the next millisecond
// when it is used up). Thread-safety: make() from any thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "api/task_id.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace longhaul::server {

class IdMaker {
 public:
  [[nodiscard]] api::TaskId make(base::WallTime now) EXCLUDES(mutex_);

 private:
  [[nodiscard]] std::uint64_t next_random() REQUIRES(mutex_);

  base::Mutex mutex_;
  std::chrono::milliseconds last_time_ GUARDED_BY(mutex_){0};
  std::uint16_t sequence_ GUARDED_BY(mutex_) = 0;
  std::array<std::uint64_t, 64> random_ GUARDED_BY(mutex_){};
  std::size_t random_left_ GUARDED_BY(mutex_) = 0;
};

}  // namespace longhaul::server
