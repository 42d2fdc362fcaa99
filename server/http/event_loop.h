// One thread that waits for descriptors, timers and what other threads hand in, and sleeps without waking
// while there is nothing.
//
// Thread-safety: open() before run(), all else on the thread in run(); other threads go through the inbox.
// Ownership: the sink and the clock must outlive the loop; watched descriptors are their owners'. Timers
// count by CLOCK_BOOTTIME, suspended time included.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "server/http/inbox.h"
#include "server/http/timer_heap.h"

namespace longhaul::server {

// Whoever lives on the loop.
class EventSink {
 public:
  EventSink() = default;
  EventSink(const EventSink&) = delete;
  EventSink& operator=(const EventSink&) = delete;
  virtual ~EventSink() = default;
  // `tag` as given to watch(), `events` of epoll.
  virtual void on_event(std::uint64_t tag, std::uint32_t events) = 0;
  virtual void on_answer(const std::shared_ptr<Exchange>& exchange) = 0;
  // After each round. True: there is more to do, do not sleep.
  [[nodiscard]] virtual bool on_round_end() = 0;
};

class EventLoop {
 public:
  EventLoop(const base::Clock& clock, std::shared_ptr<Inbox> inbox)
      : clock_(clock), inbox_(std::move(inbox)) {}

  [[nodiscard]] base::Result<void> open();
  // Runs until quit() has been called on this thread.
  void run(EventSink& sink);
  void quit() { running_ = false; }

  // Tags from first_own_tag upwards are the loop's own. A closed descriptor is no longer watched.
  static constexpr std::uint64_t first_own_tag = UINT64_MAX - 15;
  [[nodiscard]] bool watch(int fd, std::uint32_t events, std::uint64_t tag);
  void change_watch(int fd, std::uint32_t events, std::uint64_t tag);

  // As it was at the start of this round: a syscall a round, not one a request.
  [[nodiscard]] base::BootTime now() const { return now_; }
  TimerHeap::Id call_at(base::BootTime when, std::function<void()> work) {
    return timers_.add(when, std::move(work));
  }
  void cancel(TimerHeap::Id id) { timers_.cancel(id); }

 private:
  void run_timers();
  void run_inbox(EventSink& sink);
  void arm_timer();

  const base::Clock& clock_;
  const std::shared_ptr<Inbox> inbox_;
  base::UniqueFd epoll_;
  base::UniqueFd timer_fd_;
  TimerHeap timers_;
  std::optional<base::BootTime> armed_for_;
  base::BootTime now_{};
  Inbox::Batch batch_;
  bool running_ = false;
};

}  // namespace longhaul::server
