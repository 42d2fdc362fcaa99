#include "server/process_events.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstring>
#include <initializer_list>

namespace longhaul::server {
namespace {

sigset_t set_of(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  return set;
}

int poll_milliseconds(std::optional<base::BootTime> until, const base::Clock& clock) {
  if (!until) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - clock.boot()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, INT_MAX));
}

void tell(const base::UniqueFd& event) {
  const std::uint64_t one = 1;
  (void)!::write(event.get(), &one, sizeof one);
}

bool take(const base::UniqueFd& event) {
  std::uint64_t told = 0;
  return ::read(event.get(), &told, sizeof told) == static_cast<ssize_t>(sizeof told);
}

}  // namespace

base::Result<void> ProcessEvents::open() {
  // No longer ignored, for what is ignored is dropped even while it is blocked.
  outlives_terminal_ = ::signal(SIGHUP, SIG_DFL) == SIG_IGN;
  const sigset_t all = set_of({SIGTERM, SIGINT, SIGHUP});
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  signals_.reset(::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
  drained_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  stopped_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!signals_.valid() || !drained_.valid() || !stopped_.valid())
    return base::fail(std::string("cannot wait for signals: ") + std::strerror(errno));
  return {};
}

ProcessEvents::Event ProcessEvents::wait(std::optional<base::Milliseconds> limit) {
  const base::SystemClock clock;
  std::optional<base::BootTime> until;
  if (limit) until = clock.boot() + *limit;
  for (;;) {
    std::array<pollfd, 3> watched{pollfd{signals_.get(), POLLIN, 0}, pollfd{drained_.get(), POLLIN, 0},
                                  pollfd{stopped_.get(), POLLIN, 0}};
    const int ready = ::poll(watched.data(), watched.size(), poll_milliseconds(until, clock));
    if (ready > 0 && watched[0].revents != 0) {
      if (const auto event = read_signal()) return *event;
      continue;
    }
    if (ready > 0 && take(drained_)) return Event::drained;
    if (ready > 0 && take(stopped_)) return Event::stopped;
    if (until && clock.boot() >= *until) return Event::time_is_up;
  }
}

std::optional<ProcessEvents::Event> ProcessEvents::read_signal() const {
  signalfd_siginfo info{};
  if (::read(signals_.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return std::nullopt;
  if (info.ssi_signo != SIGHUP) return Event::stop_asked;
  if (info.ssi_code != SI_KERNEL) return Event::reload_asked;
  if (outlives_terminal_) return std::nullopt;
  return Event::stop_asked;
}

void ProcessEvents::tell_drained() { tell(drained_); }
void ProcessEvents::tell_stopped() { tell(stopped_); }

void ProcessEvents::let_signals_kill() {
  const sigset_t killing = set_of({SIGTERM, SIGINT});
  pthread_sigmask(SIG_UNBLOCK, &killing, nullptr);
}

}  // namespace longhaul::server
