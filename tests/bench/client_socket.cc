#include "tests/bench/client_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "tests/bench/http_answer.h"

namespace longhaul::bench {
namespace {

sockaddr_in loopback(int last_byte, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(0x7f000000U + static_cast<std::uint32_t>(last_byte));
  return address;
}

base::Failure<base::Error> system_error(const char* what) {
  return base::fail(std::string(what) + ": " + std::strerror(errno));
}

}  // namespace

base::Result<base::UniqueFd> connect_to(std::uint16_t port, int source) {
  base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  (void)::setsockopt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const sockaddr_in here = loopback(source, 0);
  const sockaddr_in there = loopback(1, port);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0)
    return system_error("cannot bind");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0)
    return system_error("cannot connect");
  return fd;
}

base::Result<std::string> exchange(int fd, const std::string& request, std::chrono::seconds patience) {
  const timeval limit{patience.count(), 0};
  (void)::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
    return system_error("cannot send");
  }
  std::string received;
  std::array<char, 16 * 1024> buffer{};
  for (HttpAnswer answer; !parse_answer(received, answer);) {
    const ssize_t count = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (count == 0) return base::fail("the server closed a connection");
    if (count < 0) return system_error("no answer");
    received.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return received;
}

base::Result<std::string> ask(std::uint16_t port, const std::string& request, int status) {
  auto connection = connect_to(port);
  if (!connection) return base::fail(connection.error().message);
  auto received = exchange(connection->get(), request);
  if (!received) return received;
  HttpAnswer answer;
  (void)parse_answer(*received, answer);
  if (answer.status != status) return base::fail("answered with " + received->substr(0, 600));
  return std::string(answer.body);
}

}  // namespace longhaul::bench
