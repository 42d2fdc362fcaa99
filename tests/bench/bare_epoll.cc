#include "tests/bench/bare_epoll.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"

namespace longhaul::bench {
namespace {

class BareLoop {
 public:
  explicit BareLoop(std::string answer) : answer_(std::move(answer)) {}

  // The port; 0 when there is none.
  std::uint16_t listen() {
    listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    const int on = 1;
    (void)::setsockopt(listener_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::bind(listener_.get(), raw, size) != 0 || ::listen(listener_.get(), 4096) != 0) return 0;
    if (::getsockname(listener_.get(), raw, &size) != 0) return 0;
    epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    return watch(listener_.get()) ? ntohs(address.sin_port) : std::uint16_t{0};
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> events{};
    for (;;) {
      const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == listener_.get()) {
          accept_all();
        } else {
          answer(fd);
        }
      }
    }
  }

 private:
  bool watch(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
  }

  void accept_all() {
    for (;;) {
      base::UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!client.valid()) return;
      if (watch(client.get())) (void)client.release();  // the kernel keeps the list of them
    }
  }

  void answer(int fd) {
    const ssize_t size = ::recv(fd, buffer_.data(), buffer_.size(), 0);
    if (size <= 0) {
      ::close(fd);
      return;
    }
    for (auto left = count_heads({buffer_.data(), static_cast<std::size_t>(size)}); left > 0; --left) {
      (void)::send(fd, answer_.data(), answer_.size(), MSG_NOSIGNAL);
    }
  }

  // How many requests end in these bytes. Whoever measures sends each in one piece.
  static std::size_t count_heads(std::string_view bytes) {
    constexpr std::string_view end = "\r\n\r\n";
    std::size_t count = 0;
    for (auto at = bytes.find(end); at != std::string_view::npos; at = bytes.find(end, at + end.size()))
      ++count;
    return count;
  }

  const std::string answer_;
  base::UniqueFd listener_;
  base::UniqueFd epoll_;
  std::array<char, 64 * 1024> buffer_{};
};

}  // namespace

int run_bare_loop() {
  std::size_t size = 0;
  std::cin >> size;
  std::cin.get();
  std::string answer(size, '\0');
  std::cin.read(answer.data(), static_cast<std::streamsize>(size));
  if (!std::cin || size == 0) return 1;
  BareLoop loop(std::move(answer));
  const std::uint16_t port = loop.listen();
  if (port == 0) return 1;
  std::printf("http://127.0.0.1:%d\n", port);
  std::fflush(stdout);
  loop.run();
}

}  // namespace longhaul::bench
