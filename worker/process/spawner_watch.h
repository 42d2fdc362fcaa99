// Tells whether the spawner has stopped working without having died: stopped by a signal, say. While
// something is awaited from it, it is asked once a round whether it is there; when it has left enough rounds
// in a row unanswered it is taken for hanging. With nothing awaited there are no rounds.
//
// It counts rounds that this thread has waited through and not the time that has passed: a machine that
// slept, or a container that was frozen, has not given the spawner that time either.
//
// Not thread-safe: the command-io thread's own.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace longhaul::worker::process {

class SpawnerWatch {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr int rounds = 10;

  explicit SpawnerWatch(std::chrono::milliseconds silence) : round_(silence / rounds) {}

  // Something is awaited, or nothing is. Called whenever that may have changed.
  void expect(bool something, Clock::time_point now) {
    if (something == next_.has_value()) return;
    unanswered_ = 0;
    if (something)
      next_ = now + round_;
    else
      next_.reset();
  }
  // It has said something.
  void heard() { unanswered_ = 0; }

  // The end of the present round.
  [[nodiscard]] std::optional<Clock::time_point> next() const { return next_; }

  enum class Step : std::uint8_t { nothing, ask, hangs };
  // To be called after what it said was read.
  [[nodiscard]] Step pass(Clock::time_point now) {
    if (!next_ || now < *next_) return Step::nothing;
    next_ = now + round_;
    if (++unanswered_ <= rounds) return Step::ask;
    next_.reset();
    return Step::hangs;
  }

 private:
  const std::chrono::milliseconds round_;
  std::optional<Clock::time_point> next_;
  int unanswered_ = 0;
};

}  // namespace longhaul::worker::process
