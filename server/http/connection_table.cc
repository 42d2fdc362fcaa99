#include "server/http/connection_table.h"

#include <utility>

namespace longhaul::server {

Connection& ConnectionTable::add(base::UniqueFd fd, std::string peer) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back().id.slot = free_.back();
  }
  Connection& connection = slots_[free_.back()];
  free_.pop_back();
  connection.fd = std::move(fd);
  connection.peer = std::move(peer);
  connection.phase = Phase::idle;
  return connection;
}

Connection* ConnectionTable::find(ConnectionId id) {
  if (id.slot >= slots_.size()) return nullptr;
  Connection& connection = slots_[id.slot];
  return connection.phase != Phase::unused && connection.id.generation == id.generation ? &connection
                                                                                        : nullptr;
}

void ConnectionTable::remove(Connection& connection) {
  const ConnectionId next{connection.id.slot, connection.id.generation + 1};
  connection = Connection();
  connection.id = next;
  free_.push_back(next.slot);
}

}  // namespace longhaul::server
