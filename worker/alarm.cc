#include "worker/alarm.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

namespace longhaul::worker {
namespace {

// Absolute; nothing disarms. A moment that has passed fires at once; 0 would disarm, so it becomes the first
// nanosecond.
void set_timer(int fd, int flags, std::optional<std::chrono::nanoseconds> at) {
  itimerspec spec{};
  if (at) {
    const auto ns = std::max<std::int64_t>(1, at->count());
    spec.it_value.tv_sec = static_cast<time_t>(ns / 1'000'000'000);
    spec.it_value.tv_nsec = static_cast<long>(ns % 1'000'000'000);
  }
  timerfd_settime(fd, TFD_TIMER_ABSTIME | flags, &spec, nullptr);
}

// Milliseconds since 1970 reach 292 million years, nanoseconds 292; what lies further off is capped well
// before that.
std::chrono::nanoseconds in_nanoseconds(base::WallTime at) {
  constexpr base::Milliseconds far_off{std::int64_t{9'000'000'000'000}};  // the year 2255
  return std::min(at.time_since_epoch(), far_off);
}

bool drain(int fd) {
  std::uint64_t count = 0;
  return ::read(fd, &count, sizeof count) == static_cast<ssize_t>(sizeof count);
}

}  // namespace

base::Result<void> Alarm::open(bool system_timers) {
  bell_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  bool opened = bell_.valid();
  if (opened && system_timers) {
    boot_timer_.reset(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
    wall_timer_.reset(::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK));
    opened = boot_timer_.valid() && wall_timer_.valid();
  }
  if (opened) return {};
  return base::fail(std::string("cannot make timers: ") + std::strerror(errno));
}

void Alarm::arm(std::optional<base::BootTime> boot, std::optional<base::WallTime> wall) {
  if (boot_timer_.valid() && boot != armed_boot_) {
    set_timer(boot_timer_.get(), 0, boot ? std::optional(boot->time_since_epoch()) : std::nullopt);
    armed_boot_ = boot;
  }
  if (wall_timer_.valid() && wall != armed_wall_) {
    set_timer(wall_timer_.get(), TFD_TIMER_CANCEL_ON_SET,
              wall ? std::optional(in_nanoseconds(*wall)) : std::nullopt);
    armed_wall_ = wall;
  }
}

void Alarm::ring() {
  const std::uint64_t one = 1;
  // It can only fail when the counter is full, and then it is ringing.
  [[maybe_unused]] const ssize_t written = ::write(bell_.get(), &one, sizeof one);
}

void Alarm::wait() {
  std::array<pollfd, 3> fds{
      {{bell_.get(), POLLIN, 0}, {boot_timer_.get(), POLLIN, 0}, {wall_timer_.get(), POLLIN, 0}}};
  if (::poll(fds.data(), fds.size(), -1) < 0) return;  // a signal: the caller comes back
  if (fds[0].revents != 0) drain(bell_.get());
  if (fds[1].revents != 0) {
    drain(boot_timer_.get());
    armed_boot_.reset();
  }
  if (fds[2].revents != 0) {
    drain(wall_timer_.get());  // ECANCELED when the clock was set
    armed_wall_.reset();
  }
}

void Alarm::heard() {
  drain(bell_.get());
  // Read without a look whether it fired: an empty timer says so, and stays armed.
  if (boot_timer_.valid() && drain(boot_timer_.get())) armed_boot_.reset();
}

}  // namespace longhaul::worker
