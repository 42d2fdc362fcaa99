// Watches the sockets of transfers (epoll), as libcurl says: what is silent costs nothing while others go on. Telling
// the kernel costs a call each time, and libcurl loses and regains interest in a kept connection with each request
// over it. So the kernel is told of that only when something happens there meanwhile.
//
// Thread-safety: none. Ownership: none of the sockets. One that libcurl has opened must be told of at its beginning and
// before it is closed; others (of its name resolver) are watched as it says.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>

#include "base/clock.h"
#include "base/unique_fd.h"

namespace longhaul::worker::webhooks {

class SocketWatch {
 public:
  struct Event {
    int fd = -1;
    std::uint32_t events = 0;  // of EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP
  };

  [[nodiscard]] bool is_usable() const { return epoll_.valid(); }

  void opened(int fd) { connections_[fd] = {}; }
  void closes(int fd) { connections_.erase(fd); }
  // What is waited for, of EPOLLIN and EPOLLOUT; 0: nothing.
  void want(int fd, std::uint32_t events);

  // Sleeps until something is ready, at most so long; nothing: for good. Returns what is ready, until the next look.
  std::span<const Event> look(std::optional<base::Milliseconds> patience);
  // What the last look saw, unless it was taken.
  [[nodiscard]] std::span<const Event> seen() const { return {seen_.data(), seen_count_}; }
  std::span<const Event> take_seen() { return {seen_.data(), std::exchange(seen_count_, 0)}; }

 private:
  struct Connection {
    std::uint32_t wanted = 0;
    std::uint32_t known = 0;  // to the kernel
  };

  void tell(int fd, std::uint32_t events) const;

  base::UniqueFd epoll_{::epoll_create1(EPOLL_CLOEXEC)};
  std::unordered_map<int, Connection> connections_;
  std::array<epoll_event, 64> events_{};
  std::array<Event, 64> seen_{};
  std::size_t seen_count_ = 0;
};

}  // namespace longhaul::worker::webhooks
