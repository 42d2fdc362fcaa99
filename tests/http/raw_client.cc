#include "tests/http/raw_client.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <stdexcept>

namespace longhaul::tests {
namespace {

constexpr int patience_s = 30;

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

[[noreturn]] void give_up(const std::string& what) {
  throw std::runtime_error("raw client: " + what + ": " + std::strerror(errno));
}

Answer parse_head(std::string_view head) {
  Answer answer;
  if (head.substr(0, 9) != "HTTP/1.1 ")
    throw std::runtime_error("not an answer: " + std::string(head.substr(0, 200)));
  std::from_chars(head.data() + 9, head.data() + 12, answer.status);
  for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
    const std::size_t end = head.find("\r\n", at);
    const std::string_view line = head.substr(at, end - at);
    const std::size_t colon = line.find(": ");
    if (colon == std::string_view::npos) throw std::runtime_error("not a header: " + std::string(line));
    answer.headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
    at = end + 2;
  }
  return answer;
}

}  // namespace

std::string Answer::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (same_name(key, name)) return value;
  }
  return {};
}

std::size_t Answer::count(std::string_view name) const {
  std::size_t found = 0;
  for (const auto& header : headers) found += same_name(header.first, name) ? 1 : 0;
  return found;
}

RawClient::RawClient(std::uint16_t port, int receive_buffer_bytes)
    : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (!fd_.valid()) give_up("socket");
  if (receive_buffer_bytes > 0) {
    (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
  }
  connect_to(port);
}

RawClient::RawClient(std::uint16_t port, base::UniqueFd socket) : fd_(std::move(socket)) { connect_to(port); }

void RawClient::connect_to(std::uint16_t port) {
  const timeval patience{patience_s, 0};
  (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    give_up("connect");
}

void RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0) give_up("send");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

// False at the end of the stream.
bool RawClient::receive() {
  std::array<char, 64 * 1024> buffer{};
  const ssize_t count = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
  if (count < 0) give_up("receive");
  received_.append(buffer.data(), static_cast<std::size_t>(count));
  return count > 0;
}

Answer RawClient::read_head() {
  std::size_t end = received_.find("\r\n\r\n");
  while (end == std::string::npos) {
    if (!receive())
      throw std::runtime_error("raw client: the server ended in the middle of a head: " + received_);
    end = received_.find("\r\n\r\n");
  }
  Answer answer = parse_head(std::string_view(received_).substr(0, end + 2));
  received_.erase(0, end + 4);
  return answer;
}

Answer RawClient::read(bool of_head) {
  Answer answer = read_head();
  const std::string length_text = answer.header("Content-Length");
  if (of_head || length_text.empty()) return answer;
  const std::size_t length = std::stoul(length_text);
  while (received_.size() < length) {
    if (!receive()) throw std::runtime_error("raw client: the server ended in the middle of a body");
  }
  answer.body = received_.substr(0, length);
  received_.erase(0, length);
  return answer;
}

Answer RawClient::exchange(std::string_view bytes) {
  send(bytes);
  return read(bytes.substr(0, 5) == "HEAD ");
}

std::string RawClient::read_to_end() {
  while (receive()) {
  }
  return std::exchange(received_, {});
}

bool RawClient::ended() {
  if (!received_.empty()) return false;
  char byte = 0;
  const ssize_t count = ::recv(fd_.get(), &byte, 1, 0);
  return count == 0 || (count < 0 && errno == ECONNRESET);
}

bool RawClient::silent() const {
  char byte = 0;
  return received_.empty() && ::recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

void RawClient::end_sending() { (void)::shutdown(fd_.get(), SHUT_WR); }

void RawClient::reset() {
  const linger abrupt{1, 0};
  (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
  fd_.reset();
}

std::string request(std::string_view method, std::string_view target, const std::vector<std::string>& lines,
                    std::string_view body) {
  std::string out;
  out.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: 127.0.0.1\r\n");
  for (const std::string& line : lines) out.append(line).append("\r\n");
  return out.append("\r\n").append(body);
}

std::string get(std::string_view target, const std::vector<std::string>& lines) {
  return request("GET", target, lines);
}

std::string post(std::string_view target, std::string_view body, std::vector<std::string> lines) {
  lines.push_back("Content-Length: " + std::to_string(body.size()));
  return request("POST", target, lines, body);
}

}  // namespace longhaul::tests
