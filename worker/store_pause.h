// Rest after the store refused a change (a full disk, say): nothing is asked of it for a while, then
// everything that is owed is tried again. The rests grow from 100 ms to 5 s and start short again once a
// change was written. Logged once for each spell.
//
// Not thread-safe.
#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "storage/store.h"

namespace longhaul::worker {

class StorePause {
 public:
  void failed(base::BootTime now, const storage::StoreError& error) {
    if (!in_trouble_) {
      base::log_warning("the store refuses changes: trying again until it takes them",
                        {{"error", error.message}});
    }
    in_trouble_ = true;
    if (until_) return;  // all of one batch fail together
    until_ = now + length_;
    length_ = std::min(length_ * 2, longest);
  }
  void worked() {
    if (!in_trouble_ || until_) return;
    base::log_info("the store takes changes again");
    in_trouble_ = false;
    length_ = shortest;
  }

  [[nodiscard]] std::optional<base::BootTime> until() const { return until_; }
  [[nodiscard]] bool active() const { return until_.has_value(); }
  // True once for each rest, when it is over.
  [[nodiscard]] bool take_end(base::BootTime now) {
    if (!until_ || now < *until_) return false;
    until_.reset();
    return true;
  }

 private:
  static constexpr base::Milliseconds shortest{100};
  static constexpr base::Milliseconds longest{5'000};
  std::optional<base::BootTime> until_;
  base::Milliseconds length_ = shortest;
  bool in_trouble_ = false;
};

}  // namespace longhaul::worker
