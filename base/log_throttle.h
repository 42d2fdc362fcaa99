// Keeps an event that can happen any number of times a second from filling the log: some lines a second are
// let through, the others are counted, and the next line says how many there were.
//
// Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace longhaul::base {

class LogThrottle {
 public:
  explicit LogThrottle(int lines_in_a_second) : most_(lines_in_a_second) {}

  // Whether to write this one; then with how many were left out since the last.
  [[nodiscard]] std::optional<std::int64_t> take(BootTime now) {
    if (now - second_ >= std::chrono::seconds(1)) {
      second_ = now;
      written_ = 0;
    }
    if (written_ >= most_) {
      ++left_out_;
      return std::nullopt;
    }
    ++written_;
    const std::int64_t left_out = left_out_;
    left_out_ = 0;
    return left_out;
  }

 private:
  const int most_;
  BootTime second_{};  // when the present second began
  int written_ = 0;    // in it
  std::int64_t left_out_ = 0;
};

}  // namespace longhaul::base
