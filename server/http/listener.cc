#include "server/http/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace longhaul::server {
namespace {

constexpr int backlog = 4096;
constexpr int accepts_per_batch = 128;

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

bool parse_address(const std::string& text, std::uint16_t port, Address& out) {
  sockaddr_in v4{};
  if (::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&out.storage, &v4, sizeof v4);
    out.size = sizeof v4;
    return true;
  }
  sockaddr_in6 v6{};
  if (::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&out.storage, &v6, sizeof v6);
    out.size = sizeof v6;
    return true;
  }
  return false;
}

std::uint16_t port_of(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &storage, sizeof v6);
    return ntohs(v6.sin6_port);
  }
  sockaddr_in v4{};
  std::memcpy(&v4, &storage, sizeof v4);
  return ntohs(v4.sin_port);
}

std::string text_of(const sockaddr_storage& storage) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &storage, sizeof v6);
    if (::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size()) == nullptr) return {};
    // A v4 client of a v6 socket is known by its v4 address.
    const std::string out = text.data();
    constexpr std::string_view mapped = "::ffff:";
    return out.compare(0, mapped.size(), mapped) == 0 && out.find('.') != std::string::npos
               ? out.substr(mapped.size())
               : out;
  }
  sockaddr_in v4{};
  std::memcpy(&v4, &storage, sizeof v4);
  return ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size()) == nullptr ? std::string()
                                                                                 : text.data();
}

}  // namespace

base::Result<void> Listener::open(const std::string& address, std::uint16_t port) {
  Address parsed;
  if (!parse_address(address, port, parsed)) {
    return base::fail("cannot listen on '" + address + "': that is not a numeric IPv4 or IPv6 address");
  }
  const auto failure = [&] {
    const std::string cause = std::strerror(errno);
    close();
    return base::fail("cannot listen on " + address + " port " + std::to_string(port) + ": " + cause);
  };
  fd_.reset(::socket(parsed.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd_.valid()) return failure();
  const int on = 1;
  (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // Accepted sockets inherit it, which spares a call for each.
  (void)::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&parsed.storage), parsed.size) != 0)
    return failure();
  if (::listen(fd_.get(), backlog) != 0) return failure();
  Address bound;
  bound.size = sizeof bound.storage;
  if (::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&bound.storage), &bound.size) != 0)
    return failure();
  port_ = port_of(bound.storage);
  refill_reserve();
  return {};
}

void Listener::close() {
  fd_.reset();
  reserve_.reset();
}

void Listener::refill_reserve() {
  if (!reserve_.valid()) reserve_.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

bool Listener::accept_batch(const Accepted& accepted, const Refusal& refusal) {
  for (int i = 0; i < accepts_per_batch; ++i) {
    refill_reserve();
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    base::UniqueFd client(
        ::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (client.valid()) {
      accepted(std::move(client), text_of(peer));
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return true;
    if (errno == EMFILE || errno == ENFILE) {
      const Refused refused = refuse_one(refusal);
      if (refused != Refused::one)
        return refused == Refused::nobody;  // the system says EMFILE even when nobody waits
    } else if (errno == ENOBUFS || errno == ENOMEM) {
      return false;
    }
    // Whatever else happened, happened to a client that has gone again.
  }
  return true;
}

Listener::Refused Listener::refuse_one(const Refusal& refusal) {
  if (!reserve_.valid()) return Refused::impossible;
  reserve_.reset();
  const base::UniqueFd client(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!client.valid()) return errno == EAGAIN ? Refused::nobody : Refused::impossible;
  // What is unread when the socket is closed would make the system cut off the answer.
  std::array<char, 16 * 1024> unread{};
  (void)!::recv(client.get(), unread.data(), unread.size(), MSG_DONTWAIT);
  const std::string answer = refusal();
  (void)::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  (void)::shutdown(client.get(), SHUT_WR);
  return Refused::one;
}

}  // namespace longhaul::server
