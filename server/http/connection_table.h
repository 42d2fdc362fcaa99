// All connections, by place. A place is used again, its generation never, so that an id names one connection
// for ever. Addresses are stable. Not thread-safe: the loop's own.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "server/http/connection.h"

namespace longhaul::server {

class ConnectionTable {
 public:
  [[nodiscard]] Connection& add(base::UniqueFd fd, std::string peer);
  // Null when that connection is gone.
  [[nodiscard]] Connection* find(ConnectionId id);
  // Closes the socket and lets go of all that the connection held.
  void remove(Connection& connection);

  [[nodiscard]] std::size_t size() const { return slots_.size() - free_.size(); }
  // Calls `visit` with each; it may remove the one it was called with.
  template <class Visit>
  void for_each(Visit visit) {
    for (Connection& connection : slots_) {
      if (connection.phase != Phase::unused) visit(connection);
    }
  }

 private:
  std::deque<Connection> slots_;
  std::vector<std::uint32_t> free_;
};

// The two halves of an epoll tag.
[[nodiscard]] inline std::uint64_t tag_of(ConnectionId id) {
  return static_cast<std::uint64_t>(id.generation) << 32 | id.slot;
}
[[nodiscard]] inline ConnectionId id_of(std::uint64_t tag) {
  return {static_cast<std::uint32_t>(tag & 0xffffffff), static_cast<std::uint32_t>(tag >> 32)};
}

}  // namespace longhaul::server
