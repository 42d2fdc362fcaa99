#include "worker/process/spawn_protocol.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace longhaul::worker::process {
namespace {

void append_texts(std::string& out, const std::vector<std::string>& texts) {
  // A text ends at its first zero byte, as it would for the system.
  for (const std::string& text : texts) out.append(text, 0, text.find('\0')).push_back('\0');
}

// Takes `count` zero-terminated texts from `rest`. False when there are fewer.
bool take_texts(std::span<char>& rest, std::uint32_t count, std::vector<char*>& out) {
  out.reserve(count + 1);
  for (std::uint32_t i = 0; i < count; ++i) {
    const void* end = rest.empty() ? nullptr : std::memchr(rest.data(), 0, rest.size());
    if (end == nullptr) return false;
    out.push_back(rest.data());
    rest = rest.subspan(static_cast<std::size_t>(static_cast<const char*>(end) - rest.data()) + 1);
  }
  out.push_back(nullptr);
  return true;
}

}  // namespace

std::string encode(const SpawnRequest& request) {
  ControlHeader header;
  header.argument_count = static_cast<std::uint32_t>(request.arguments.size());
  header.environment_count = static_cast<std::uint32_t>(request.environment.size());
  header.token = request.token;
  header.cpu_seconds = request.cpu_seconds.value_or(-1);
  header.open_files = request.open_files.value_or(-1);
  std::string out(reinterpret_cast<const char*>(&header), sizeof header);
  append_texts(out, request.arguments);
  append_texts(out, request.environment);
  return out;
}

std::optional<SpawnOrder> decode(std::span<char> message) {
  SpawnOrder order;
  if (message.size() < sizeof order.header) return {};
  std::memcpy(&order.header, message.data(), sizeof order.header);
  std::span<char> rest = message.subspan(sizeof order.header);
  const ControlHeader& header = order.header;
  if (header.argument_count == 0 || header.argument_count > rest.size()) return {};
  if (header.environment_count > rest.size()) return {};
  if (!take_texts(rest, header.argument_count, order.arguments)) return {};
  if (!take_texts(rest, header.environment_count, order.environment)) return {};
  return order;
}

std::optional<SocketPair> make_socket_pair() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return {};
  SocketPair pair{base::UniqueFd(ends[0]), base::UniqueFd(ends[1])};
  if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) return {};
  return pair;
}

Transfer send_bytes(int socket, std::span<const char> bytes, std::span<const int> descriptors) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(SpawnEnds::count * sizeof(int))> control{};
  if (!descriptors.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
  }
  for (;;) {
    if (sendmsg(socket, &message, MSG_NOSIGNAL) >= 0) return Transfer::done;
    if (errno == EINTR) continue;
    // ETOOMANYREFS: too many descriptors of this user are on their way; ENOBUFS and ENOMEM pass as well.
    const bool passing = errno == EAGAIN || errno == ETOOMANYREFS || errno == ENOBUFS || errno == ENOMEM;
    return passing ? Transfer::would_block : Transfer::closed;
  }
}

Received receive_bytes(int socket, std::span<char> buffer) {
  Received received;
  iovec part{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(SpawnEnds::count * sizeof(int))> control{};
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t size = 0;
  do {
    size = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    // ECONNRESET: the other end has closed without reading all that we sent. Told once, ahead of what it sent
    // to us.
  } while (size < 0 && (errno == EINTR || errno == ECONNRESET));
  if (size < 0) {
    received.transfer = errno == EAGAIN ? Transfer::would_block : Transfer::closed;
    return received;
  }
  for (cmsghdr* part_of = CMSG_FIRSTHDR(&message); part_of != nullptr;
       part_of = CMSG_NXTHDR(&message, part_of)) {
    if (part_of->cmsg_level != SOL_SOCKET || part_of->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part_of->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(part_of) + i * sizeof(int), sizeof descriptor);
      received.descriptors.emplace_back(descriptor);
    }
  }
  received.size = static_cast<std::size_t>(size);
  // No message of ours is empty: nothing means that the other end is closed.
  received.transfer = size == 0 ? Transfer::closed : Transfer::done;
  return received;
}

}  // namespace longhaul::worker::process
