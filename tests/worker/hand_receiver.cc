#include "tests/worker/hand_receiver.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/worker/patience.h"

namespace longhaul::tests {
namespace {

constexpr std::string_view no_content = "HTTP/1.1 204 No Content\r\n\r\n";
constexpr std::string_view early_hints = "HTTP/1.1 103 Early Hints\r\n\r\n";

// The bytes of the first request in this text; 0: it is not whole.
std::size_t length_of_first(std::string_view text) {
  const auto head = text.find("\r\n\r\n");
  if (head == std::string_view::npos) return 0;
  constexpr std::string_view name = "Content-Length: ";
  const auto at = text.substr(0, head).find(name);
  const std::size_t body =
      at == std::string_view::npos ? 0 : std::strtoul(text.data() + at + name.size(), nullptr, 10);
  const std::size_t whole = head + 4 + body;
  return text.size() >= whole ? whole : 0;
}

void reset_at_close(int fd) {
  const linger none{1, 0};
  REQUIRE(::setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none) == 0);
}

void say(int fd, std::string_view text) { (void)::send(fd, text.data(), text.size(), MSG_NOSIGNAL); }

}  // namespace

HandReceiver::HandReceiver(Plan plan) : plan_(std::move(plan)) {
  listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  bell_.reset(::eventfd(0, EFD_CLOEXEC));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const raw = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  REQUIRE(::bind(listener_.get(), raw, size) == 0);
  REQUIRE(::listen(listener_.get(), 256) == 0);
  REQUIRE(::getsockname(listener_.get(), raw, &size) == 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

HandReceiver::~HandReceiver() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto rung = ::write(bell_.get(), &one, sizeof one);
  thread_.join();
}

int HandReceiver::requests() {
  base::MutexLock lock(mutex_);
  return requests_;
}

int HandReceiver::connections() {
  base::MutexLock lock(mutex_);
  return connections_;
}

void HandReceiver::wait_for_requests(int count) {
  base::MutexLock lock(mutex_);
  for (Patience left("requests to come"); requests_ < count;) left.wait(changed_, mutex_);
}

void HandReceiver::wait_for_open(int count) {
  base::MutexLock lock(mutex_);
  for (Patience left("the right number of open connections"); open_count_ != count;)
    left.wait(changed_, mutex_);
}

void HandReceiver::run() {
  for (;;) {
    std::vector<pollfd> fds = {{bell_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    for (const auto& [fd, connection] : open_) fds.push_back({fd, POLLIN, 0});
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    if (fds[0].revents != 0) return;
    if (fds[1].revents != 0) accept_one();
    for (std::size_t i = 2; i < fds.size(); ++i) {
      if (fds[i].revents == 0 || read_from(open_.at(fds[i].fd))) continue;
      open_.erase(fds[i].fd);
      base::MutexLock lock(mutex_);
      --open_count_;
      changed_.notify_all();
    }
  }
}

void HandReceiver::accept_one() {
  base::UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!fd.valid()) return;
  const int key = fd.get();
  base::MutexLock lock(mutex_);
  open_.emplace(key, Connection{std::move(fd), connections_++, 0, false, {}});
  ++open_count_;
  changed_.notify_all();
}

bool HandReceiver::read_from(Connection& connection) {
  std::array<char, 64 * 1024> buffer{};
  const ssize_t size = ::recv(connection.fd.get(), buffer.data(), buffer.size(), 0);
  if (size <= 0) return false;
  if (connection.deaf) return true;
  connection.text.append(buffer.data(), static_cast<std::size_t>(size));
  const Deed deed = plan_(connection.number, connection.requests);
  if (deed == Deed::reset) {
    reset_at_close(connection.fd.get());
    return false;
  }
  const std::size_t length = length_of_first(connection.text);
  if (length == 0) return true;
  connection.text.erase(0, length);
  ++connection.requests;
  const bool goes_on = handle(connection, deed);
  base::MutexLock lock(mutex_);
  ++requests_;
  changed_.notify_all();
  return goes_on;
}

bool HandReceiver::handle(Connection& connection, Deed deed) {
  switch (deed) {
    case Deed::answer: say(connection.fd.get(), no_content); return true;
    case Deed::answer_and_close: say(connection.fd.get(), no_content); return false;
    case Deed::announce: say(connection.fd.get(), early_hints); return false;
    case Deed::close:
    case Deed::reset: return false;
    case Deed::hang: connection.deaf = true; return true;
  }
  return false;
}

}  // namespace longhaul::tests
