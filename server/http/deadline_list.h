// Connections that all have the same time to do the same thing, the one whose time ends first in front.
// Joining and leaving cost nothing worth counting and set no timer: one coarse timer a list looks at its
// front now and then, and none runs for an empty list. Not thread-safe. Does not own the connections.
#pragma once

#include "base/clock.h"
#include "server/http/connection.h"

namespace longhaul::server {

class DeadlineList {
 public:
  explicit DeadlineList(base::Nanoseconds duration) : duration_(duration) {}
  DeadlineList(const DeadlineList&) = delete;
  DeadlineList& operator=(const DeadlineList&) = delete;

  // Gives the connection the full time from `now`, whichever list it was in.
  void restart(Connection& connection, base::BootTime now);
  static void leave(Connection& connection);

  [[nodiscard]] Connection* front() const { return front_; }
  [[nodiscard]] bool front_is_due(base::BootTime now) const {
    return front_ != nullptr && front_->deadline <= now;
  }
  // When it is worth looking again: late by a tenth of the time given at most, so that many ends share one
  // look.
  [[nodiscard]] base::BootTime next_look(base::BootTime now) const;

  bool timer_is_set = false;  // kept by the driver

 private:
  const base::Nanoseconds duration_;
  Connection* front_ = nullptr;
  Connection* back_ = nullptr;
};

}  // namespace longhaul::server
