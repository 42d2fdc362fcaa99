#include "tests/bench/slow_clients.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <string_view>

#include "tests/bench/client_socket.h"

namespace longhaul::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view request =
    "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: longhaul-bench-in-no-hurry\r\n\r\n";
constexpr std::size_t clients_per_address = 1'000;
constexpr int first_source = 100;
constexpr int turn_ms = 5;

}  // namespace

SlowClients::~SlowClients() {
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  (void)!::write(stop_.get(), &one, sizeof one);
  thread_.join();
}

base::Result<void> SlowClients::start() {
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    if (auto connected = connect(i); !connected) return connected;
  }
  stop_.reset(::eventfd(0, EFD_CLOEXEC));
  if (!stop_.valid()) return base::fail("no eventfd");
  thread_ = std::thread([this] { run(); });
  return {};
}

base::Result<void> SlowClients::check() const {
  if (failed_) return base::fail("a slow client could not connect again");
  return {};
}

base::Result<void> SlowClients::connect(std::size_t number) {
  auto fd = connect_to(port_, first_source + static_cast<int>(number / clients_per_address));
  if (!fd) return base::fail(fd.error().message);
  clients_[number] = {std::move(*fd), 0};
  return send_byte(clients_[number]) ? base::Result<void>()
                                     : base::fail("a slow client was shut out at once");
}

// False: the server does not want to hear it any more.
bool SlowClients::send_byte(Client& client) const {
  std::array<char, 4096> answer{};
  if (const ssize_t count = ::recv(client.fd.get(), answer.data(), answer.size(), MSG_DONTWAIT); count == 0)
    return false;
  if (::send(client.fd.get(), request.data() + client.sent, 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1)
    return false;
  client.sent = (client.sent + 1) % request.size();
  return true;
}

// Every few milliseconds the next of them are due, so that all have sent once when a second is over.
void SlowClients::run() {
  const auto begin = Clock::now();
  std::size_t done = 0;  // bytes, of all clients in turn
  for (pollfd stop{stop_.get(), POLLIN, 0}; ::poll(&stop, 1, turn_ms) == 0;) {
    const std::chrono::duration<double> passed = Clock::now() - begin;
    const auto due = static_cast<std::size_t>(passed.count() * static_cast<double>(clients_.size()));
    for (; done < due; ++done) {
      const std::size_t number = done % clients_.size();
      if (!send_byte(clients_[number]) && !connect(number)) failed_ = true;
    }
  }
}

}  // namespace longhaul::bench
