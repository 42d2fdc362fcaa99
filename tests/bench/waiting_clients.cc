#include "tests/bench/waiting_clients.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "tests/bench/client_socket.h"
#include "tests/bench/load_generator.h"

namespace longhaul::bench {
namespace {

constexpr std::size_t clients_per_address = 2'000;
constexpr int first_source = 40;
constexpr auto patience = std::chrono::seconds(60);

std::string stream_request(const std::string& task_id) {
  return "GET /task-status/" + task_id + " HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n";
}

std::string socket_request() {
  return "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bG9uZ2hhdWwgYmVuY2ghIQ==\r\n"
         "Sec-WebSocket-Protocol: longhaul.v1\r\n\r\n";
}

// A text frame of a client, masked with zeros (RFC 6455, 5.2).
std::string text_frame(const std::string& text) {
  std::string frame = "\x81";
  if (text.size() < 126) {
    frame += static_cast<char>(0x80U | text.size());
  } else {
    frame += static_cast<char>(0x80U | 126U);
    frame += static_cast<char>(text.size() >> 8);
    frame += static_cast<char>(text.size() & 0xFFU);
  }
  return frame.append(4, '\0') + text;
}

base::Result<void> send_all(int fd, const std::string& bytes) {
  if (::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size())) return {};
  return base::fail(std::string("a waiting client cannot send: ") + std::strerror(errno));
}

}  // namespace

base::Result<void> WaitingClients::start() {
  epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  std::size_t polls = 0;
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    if (auto connected = connect(i); !connected) return connected;
    if (clients_[i].kind == Kind::long_poll) ++polls;
  }
  if (auto told = read_until("snapshot", clients_.size() - polls); !told) return told;
  return wait_for_polls(polls);
}

base::Result<void> WaitingClients::connect(std::size_t number) {
  auto fd = connect_to(port_, first_source + static_cast<int>(number / clients_per_address));
  if (!fd) return base::fail(fd.error().message);
  Client& client = clients_[number];
  client.fd = std::move(*fd);
  client.kind = static_cast<Kind>(number % 3);
  const std::array requests = {get_request("/task-status/" + task_id_ + "?wait=300"),
                               stream_request(task_id_), socket_request()};
  if (auto sent = send_all(client.fd.get(), requests[number % 3]); !sent) return sent;
  (void)::fcntl(client.fd.get(), F_SETFL, O_NONBLOCK);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = number;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, client.fd.get(), &event) != 0) return base::fail("no epoll");
  return {};
}

base::Result<void> WaitingClients::subscribe(Client& client) const {
  client.has_subscribed = true;
  return send_all(client.fd.get(),
                  text_frame(R"({"op": "subscribe", "ref": 1, "task_id": ")" + task_id_ + R"("})"));
}

base::Result<void> WaitingClients::read(Client& client, std::string_view mark) const {
  std::array<char, 16 * 1024> buffer{};
  for (;;) {
    const ssize_t count = ::recv(client.fd.get(), buffer.data(), buffer.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return {};
    if (count <= 0) {
      if (client.is_done) return {};
      return base::fail("a waiting client was shut out; it had been told: " + client.received.substr(0, 600));
    }
    if (client.is_done) continue;
    client.received.append(buffer.data(), static_cast<std::size_t>(count));
    if (client.kind == Kind::socket && !client.has_subscribed &&
        client.received.find("\r\n\r\n") != std::string::npos) {
      if (auto subscribed = subscribe(client); !subscribed) return subscribed;
    }
    client.is_done = client.received.find(mark) != std::string::npos;
  }
}

base::Result<void> WaitingClients::read_until(std::string_view mark, std::size_t wanted) {
  for (Client& client : clients_) {
    client.is_done = false;
    client.received.clear();
  }
  std::array<epoll_event, 512> events{};
  const auto end = Clock::now() + patience;
  while (wanted > 0) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 1'000);
    for (int i = 0; i < count; ++i) {
      Client& client = clients_[events[static_cast<std::size_t>(i)].data.u64];
      const bool was_done = client.is_done;
      if (auto read_all = read(client, mark); !read_all) return read_all;
      if (!was_done && client.is_done) --wanted;
      const bool is_over = (events[static_cast<std::size_t>(i)].events & (EPOLLHUP | EPOLLRDHUP)) != 0;
      if (client.is_done && is_over) (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, client.fd.get(), nullptr);
    }
    if (Clock::now() > end)
      return base::fail(std::to_string(wanted) + " waiting clients were not told in time");
  }
  return {};
}

// Nothing comes on a long poll that is held; the server says how many there are.
base::Result<void> WaitingClients::wait_for_polls(std::size_t polls) const {
  const std::string line = "longhaul_waiting_clients{kind=\"long_poll\"} " + std::to_string(polls) + "\n";
  for (const auto end = Clock::now() + patience; Clock::now() < end;) {
    const auto metrics = ask(port_, get_request("/metrics"));
    if (!metrics) return base::fail(metrics.error().message);
    if (metrics.value().find(line) != std::string::npos) return {};
  }
  return base::fail("the server does not hold " + std::to_string(polls) + " long polls");
}

base::Result<WaitingClients::Clock::time_point> WaitingClients::wait_until_all_told(std::string_view mark) {
  if (auto told = read_until(mark, clients_.size()); !told) return base::fail(told.error().message);
  return Clock::now();
}

}  // namespace longhaul::bench
