#include "tests/bench/load_generator.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "tests/bench/http_answer.h"

namespace longhaul::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto silence_max = std::chrono::seconds(30);

struct Client {
  base::UniqueFd fd;
  std::string received;  // of an answer that is not whole yet
  Clock::time_point sent_at;
};

class Load {
 public:
  explicit Load(const LoadOptions& options) : options_(options), buffer_(std::make_unique<Buffer>()) {}

  base::Result<LoadReport> run() {
    if (options_.requests.empty()) return base::fail("nothing to send");
    if (auto connected = connect_all(); !connected) return base::fail(connected.error().message);
    begin_ = Clock::now() + options_.warm_up;
    end_ = begin_ + options_.duration;
    last_answer_ = begin_;
    for (Client& client : clients_) send_next(client, Clock::now());
    while (waiting_ > 0 && error_.empty()) take_answers();
    if (!error_.empty()) return base::fail(error_);
    report_.requests = sent_;
    report_.seconds = std::chrono::duration<double>(last_answer_ - begin_).count();
    return report_;
  }

 private:
  using Buffer = std::array<char, 256 * 1024>;

  base::Result<void> connect_all() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(options_.port);
    if (::inet_pton(AF_INET, options_.address.c_str(), &address.sin_addr) != 1)
      return base::fail("not an IPv4 address");
    epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    clients_.resize(options_.connections);
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      base::UniqueFd& fd = clients_[i].fd;
      fd.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      if (!fd.valid() ||
          ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return base::fail(std::string("cannot connect: ") + std::strerror(errno));
      }
      const int on = 1;
      (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0)
        return base::fail("cannot watch a connection");
    }
    return {};
  }

  // Sends with a blocking call: a client whose request does not fit into the socket holds the others up for a
  // moment.
  void send_next(Client& client, Clock::time_point now) {
    if (now >= end_ || (options_.max_requests > 0 && sent_ == options_.max_requests)) return;
    std::string_view rest = options_.requests[sent_ % options_.requests.size()];
    client.sent_at = now;
    while (!rest.empty()) {
      const ssize_t count = ::send(client.fd.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
      if (count < 0) return fail("cannot send");
      rest.remove_prefix(static_cast<std::size_t>(count));
    }
    ++sent_;
    ++waiting_;
  }

  void take_answers() {
    std::array<epoll_event, 256> events{};
    constexpr auto silence_ms = static_cast<int>(std::chrono::milliseconds(silence_max).count());
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), silence_ms);
    if (count == 0) error_ = "the server stays silent";
    for (int i = 0; i < count && error_.empty(); ++i)
      receive(clients_[events[static_cast<std::size_t>(i)].data.u64]);
  }

  void receive(Client& client) {
    const ssize_t count = ::recv(client.fd.get(), buffer_->data(), buffer_->size(), MSG_DONTWAIT);
    if (count == 0) return fail("the server closed a connection", 0);
    if (count < 0) return errno == EAGAIN ? void() : fail("cannot receive");
    std::string_view bytes(buffer_->data(), static_cast<std::size_t>(count));
    if (!client.received.empty()) bytes = client.received.append(bytes);
    HttpAnswer answer;
    if (!parse_answer(bytes, answer)) {
      if (client.received.empty()) client.received = bytes;
      return;
    }
    const auto now = Clock::now();
    --waiting_;
    count_answer(client, answer, now);
    client.received.clear();
    send_next(client, now);
  }

  void count_answer(const Client& client, const HttpAnswer& answer, Clock::time_point now) {
    if (now < begin_ || now > end_) return;
    ++report_.answers;
    if (answer.status != options_.expected_status) ++report_.unexpected;
    report_.latency.add(now - client.sent_at);
    last_answer_ = now;
    if (options_.on_answer) options_.on_answer(answer.body);
  }

  void fail(const char* what) { fail(what, errno); }
  void fail(const char* what, int error) {
    error_ = error == 0 ? what : std::string(what) + ": " + std::strerror(error);
  }

  const LoadOptions& options_;
  const std::unique_ptr<Buffer> buffer_;
  base::UniqueFd epoll_;
  std::vector<Client> clients_;
  Clock::time_point begin_;
  Clock::time_point end_;
  Clock::time_point last_answer_;
  std::uint64_t sent_ = 0;
  std::uint64_t waiting_ = 0;
  std::string error_;
  LoadReport report_;
};

}  // namespace

base::Result<LoadReport> run_load(const LoadOptions& options) { return Load(options).run(); }

std::string get_request(const std::string& target) {
  return "GET " + target +
         " HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nUser-Agent: longhaul-bench\r\n\r\n";
}

namespace {

std::string request_with_body(const char* method, const std::string& target, const std::string& json) {
  return std::string(method) + " " + target +
         " HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nUser-Agent: longhaul-bench\r\n" +
         "Content-Type: application/json\r\nContent-Length: " + std::to_string(json.size()) + "\r\n\r\n" +
         json;
}

}  // namespace

std::string post_request(const std::string& target, const std::string& json) {
  return request_with_body("POST", target, json);
}

std::string patch_request(const std::string& target, const std::string& json) {
  return request_with_body("PATCH", target, json);
}

}  // namespace longhaul::bench
