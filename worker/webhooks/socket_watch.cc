#include "worker/webhooks/socket_watch.h"

#include <algorithm>
#include <cerrno>
#include <limits>

namespace longhaul::worker::webhooks {

void SocketWatch::tell(int fd, std::uint32_t events) const {
  if (events == 0) {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    return;
  }
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0 && errno == EEXIST)
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void SocketWatch::want(int fd, std::uint32_t events) {
  const auto found = connections_.find(fd);
  if (found == connections_.end()) return tell(fd, events);
  Connection& connection = found->second;
  connection.wanted = events;
  if (events == 0 || events == connection.known) return;
  tell(fd, events);
  connection.known = events;
}

std::span<const SocketWatch::Event> SocketWatch::look(std::optional<base::Milliseconds> patience) {
  constexpr base::Milliseconds::rep longest = std::numeric_limits<int>::max();
  const int patience_ms =
      patience ? static_cast<int>(std::clamp<base::Milliseconds::rep>(patience->count(), 0, longest)) : -1;
  const int count = ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), patience_ms);
  seen_count_ = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(std::max(count, 0)); ++i) {
    const int fd = events_[i].data.fd;
    const auto found = connections_.find(fd);
    if (found != connections_.end() && found->second.wanted == 0) {
      tell(fd, found->second.known =
                   0);  // the end of a kept connection, most likely: libcurl looks before it uses it
    } else {
      seen_[seen_count_++] = {fd, events_[i].events};
    }
  }
  return seen();
}

}  // namespace longhaul::worker::webhooks
