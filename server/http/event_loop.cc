#include "server/http/event_loop.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "server/http/exchange.h"

namespace longhaul::server {
namespace {

constexpr std::uint64_t inbox_tag = EventLoop::first_own_tag;
constexpr std::uint64_t timer_tag = EventLoop::first_own_tag + 1;
constexpr std::size_t events_per_round = 256;

base::Failure<base::Error> system_failure(const char* what) {
  return base::fail(std::string(what) + ": " + std::strerror(errno));
}

}  // namespace

base::Result<void> EventLoop::open() {
  if (inbox_->wake_fd() < 0) return base::fail("no descriptor left for an eventfd");
  epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_.valid()) return system_failure("epoll_create1");
  timer_fd_.reset(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer_fd_.valid()) return system_failure("timerfd_create");
  // Edge-triggered, so that neither has to be read.
  if (!watch(inbox_->wake_fd(), EPOLLIN | EPOLLET, inbox_tag) ||
      !watch(timer_fd_.get(), EPOLLIN | EPOLLET, timer_tag)) {
    return system_failure("epoll_ctl");
  }
  now_ = clock_.boot();
  return {};
}

bool EventLoop::watch(int fd, std::uint32_t events, std::uint64_t tag) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void EventLoop::change_watch(int fd, std::uint32_t events, std::uint64_t tag) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);  // cannot fail for a descriptor that is watched
}

void EventLoop::run(EventSink& sink) {
  inbox_->adopt_loop_thread();
  running_ = true;
  bool more = false;
  std::array<epoll_event, events_per_round> events{};
  while (running_) {
    arm_timer();
    const bool sleep = !more && !inbox_->has_items();
    const int count =
        ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), sleep ? -1 : 0);
    now_ = clock_.boot();
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.u64 == timer_tag) {
        armed_for_.reset();
      } else if (event.data.u64 != inbox_tag) {
        sink.on_event(event.data.u64, event.events);
      }
    }
    run_inbox(sink);
    run_timers();
    more = sink.on_round_end();
  }
}

void EventLoop::run_inbox(EventSink& sink) {
  if (!inbox_->has_items()) return;
  inbox_->take(batch_);
  for (const auto& exchange : batch_.answers) sink.on_answer(exchange);
  for (const auto& work : batch_.work) work();
  batch_.answers.clear();
  batch_.work.clear();
}

// No more than there were at the start, so that timers which add timers cannot hold the loop.
void EventLoop::run_timers() {
  for (std::size_t left = timers_.size(); left > 0; --left) {
    const auto work = timers_.take_due(now_);
    if (!work) return;
    work();
  }
}

// The descriptor is set anew only for a time earlier than it is set for; one that fires too early just sets
// it again. Otherwise every request with a timer would cost a syscall.
void EventLoop::arm_timer() {
  const auto next = timers_.next();
  if (!next || (armed_for_ && *armed_for_ <= *next)) return;
  const auto delay = std::max(*next - clock_.boot(), base::Nanoseconds(1));
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(delay);
  itimerspec setting{};
  setting.it_value.tv_sec = seconds.count();
  setting.it_value.tv_nsec = (delay - seconds).count();
  if (::timerfd_settime(timer_fd_.get(), 0, &setting, nullptr) == 0) armed_for_ = next;
}

}  // namespace longhaul::server
