#include "server/routes/id_maker.h"

#include <span>

#include "base/random_bytes.h"

namespace longhaul::server {
namespace {

constexpr std::uint16_t sequence_max = 0x0FFF;  // 12 bits

}  // namespace

api::TaskId IdMaker::make(base::WallTime now) {
  const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
  base::MutexLock lock(mutex_);
  const std::uint64_t random = next_random();
  if (time > last_time_) {
    last_time_ = time;
    // Half of the counter's range is left above a random start, so that neighbours in time are not guessed
    // from one id.
    sequence_ = static_cast<std::uint16_t>(next_random() & (sequence_max >> 1));
  } else if (sequence_ == sequence_max) {
    last_time_ += std::chrono::milliseconds(1);
    sequence_ = 0;
  } else {
    ++sequence_;
  }
  return api::TaskId::make(last_time_, sequence_, random);
}

std::uint64_t IdMaker::next_random() {
  if (random_left_ == 0) {
    base::fill_random(std::as_writable_bytes(std::span(random_)));
    random_left_ = random_.size();
  }
  return random_[--random_left_];
}

}  // namespace longhaul::server
