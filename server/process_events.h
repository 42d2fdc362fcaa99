// What ends or changes a server from outside: the signals of an operator, and the end of the drain. One place
// to wait for all of them.
//
// SIGTERM and SIGINT mean stop; SIGHUP means that the settings have changed. A SIGHUP of the kernel's own is another
// matter: the terminal has closed, and that means stop too, unless whoever started us had it ignored (nohup).
//
// Thread-safety: tell_...() from any thread; wait() by one at a time. Must outlive whoever may still tell.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace longhaul::server {

class ProcessEvents {
 public:
  // Blocks the signals for this thread and those it starts from now on: call it before there are any.
  [[nodiscard]] base::Result<void> open();

  enum class Event : std::uint8_t { stop_asked, reload_asked, drained, stopped, time_is_up };
  // The next one, at the latest when `limit` is over; signals of one kind that come together count once.
  [[nodiscard]] Event wait(std::optional<base::Milliseconds> limit = std::nullopt);
  void tell_drained();
  void tell_stopped();

  // From now on, and as long as the calling thread lives, the next SIGTERM or SIGINT ends the process at once.
  static void let_signals_kill();

 private:
  [[nodiscard]] std::optional<Event> read_signal() const;

  bool outlives_terminal_ = false;

  base::UniqueFd signals_;
  base::UniqueFd drained_;
  base::UniqueFd stopped_;
};

}  // namespace longhaul::server
