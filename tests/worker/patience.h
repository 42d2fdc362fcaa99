// How long a test waits for what has to happen. When it passes, the test fails and names what it waited for,
// which a test that waits without a limit would never tell.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include "base/mutex.h"

namespace longhaul::tests {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif
// Longer than anything here takes.
inline constexpr std::chrono::seconds patience{sanitized ? 180 : 60};

// For one loop of waiting: for (Patience left("a thing"); !there;) left.wait(changed_, mutex_);
class Patience {
 public:
  explicit Patience(std::string what) : what_(std::move(what)) {}

  // Until the next change.
  void wait(base::CondVar& changed, base::Mutex& mutex) REQUIRES(mutex) {
    check();
    changed.wait_for(mutex, limit_ - Clock::now());
  }
  // Until the next look at what does not notify.
  void yield() const {
    check();
    std::this_thread::yield();
  }

 private:
  using Clock = std::chrono::steady_clock;

  void check() const {
    INFO("waiting for ", what_);
    REQUIRE(Clock::now() < limit_);
  }

  const std::string what_;
  const Clock::time_point limit_ = Clock::now() + patience;
};

}  // namespace longhaul::tests
