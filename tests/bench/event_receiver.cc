#include "tests/bench/event_receiver.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

namespace longhaul::bench {
namespace {

constexpr std::string_view no_content = "HTTP/1.1 204 No Content\r\n\r\n";
constexpr auto patience = std::chrono::minutes(1);

}  // namespace

EventReceiver::~EventReceiver() {
  if (!thread_.joinable()) return;
  ends_ = true;
  ring();
  thread_.join();
  for (const auto& [fd, text] : begun_) ::close(fd);
}

base::Result<void> EventReceiver::start() {
  listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  bell_.reset(::eventfd(0, EFD_CLOEXEC));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const raw = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  if (::bind(listener_.get(), raw, size) != 0 || ::listen(listener_.get(), 1024) != 0 ||
      ::getsockname(listener_.get(), raw, &size) != 0 || !watch(listener_.get()) || !watch(bell_.get())) {
    return base::fail("a receiver of webhooks cannot listen");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
  return {};
}

void EventReceiver::restart_tally() {
  base::MutexLock lock(mutex_);
  tally_ = {};
}

void EventReceiver::hold() {
  base::MutexLock lock(mutex_);
  holds_ = true;
}

void EventReceiver::release() {
  {
    base::MutexLock lock(mutex_);
    holds_ = false;
    tally_ = {};
  }
  ring();
}

void EventReceiver::ring() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto rung = ::write(bell_.get(), &one, sizeof one);
}

base::Result<EventReceiver::Tally> EventReceiver::wait_for(std::uint64_t requests) {
  base::MutexLock lock(mutex_);
  wanted_ = requests;
  std::uint64_t before = tally_.requests;
  while (tally_.requests < requests) {
    enough_.wait_for(mutex_, patience);
    if (tally_.requests < requests && tally_.requests == before) {
      return base::fail("of " + std::to_string(requests) + " webhooks only " + std::to_string(before) +
                        " have come");
    }
    before = tally_.requests;
  }
  wanted_ = 0;
  return tally_;
}

void EventReceiver::run() {
  std::array<epoll_event, 64> events{};
  for (;;) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == bell_.get()) {
        if (ends_) return;
        answer_held();
      } else if (fd == listener_.get()) {
        accept_all();
      } else {
        take_from(fd);
      }
    }
  }
}

bool EventReceiver::watch(int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void EventReceiver::accept_all() {
  for (;;) {
    base::UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.valid()) return;
    if (watch(fd.get())) begun_.try_emplace(fd.release());
  }
}

void EventReceiver::take_from(int fd) {
  const ssize_t size = ::recv(fd, buffer_.data(), buffer_.size(), 0);
  if (size <= 0) {
    {
      base::MutexLock lock(mutex_);
      held_.erase(fd);
    }
    begun_.erase(fd);
    ::close(fd);
    return;
  }
  std::string& text = begun_[fd];
  text.append(buffer_.data(), static_cast<std::size_t>(size));
  const std::uint64_t requests = take_requests(text);
  if (requests > 0) answer(fd, count(fd, requests));
}

void EventReceiver::answer(int fd, std::uint64_t requests) const {
  for (std::uint64_t i = 0; options_.answers && i < requests; ++i)
    (void)::send(fd, no_content.data(), no_content.size(), MSG_NOSIGNAL);
}

void EventReceiver::answer_held() {
  std::uint64_t rung = 0;
  [[maybe_unused]] const auto read = ::read(bell_.get(), &rung, sizeof rung);
  std::unordered_map<int, std::uint64_t> held;
  {
    base::MutexLock lock(mutex_);
    held.swap(held_);
  }
  for (const auto& [fd, requests] : held) answer(fd, count(fd, requests));
}

std::uint64_t EventReceiver::take_requests(std::string& text) {
  constexpr std::string_view end_of_head = "\r\n\r\n";
  constexpr std::string_view length_name = "Content-Length: ";
  std::string_view left = text;
  for (std::uint64_t requests = 0;; ++requests) {
    const auto end = left.find(end_of_head);
    const auto at = left.substr(0, end).find(length_name);
    std::size_t whole = std::string_view::npos;
    if (end != std::string_view::npos) {
      const bool has_body = at != std::string_view::npos;
      whole = end + end_of_head.size() +
              (has_body ? std::strtoul(left.data() + at + length_name.size(), nullptr, 10) : 0);
    }
    if (whole > left.size()) {
      text.erase(0, text.size() - left.size());
      return requests;
    }
    const std::size_t head = end + end_of_head.size();
    if (options_.on_request) options_.on_request(left.substr(0, head), left.substr(head, whole - head));
    left.remove_prefix(whole);
  }
}

std::uint64_t EventReceiver::count(int fd, std::uint64_t requests) {
  const auto now = Clock::now();
  base::MutexLock lock(mutex_);
  if (holds_) {
    held_[fd] += requests;
    return 0;
  }
  if (tally_.requests == 0) tally_.first = now;
  tally_.last = now;
  tally_.requests += requests;
  if (wanted_ > 0 && tally_.requests >= wanted_) enough_.notify_all();
  return requests;
}

}  // namespace longhaul::bench
