// Connections that requests are under way on, by name, so that one which has failed a request gets no more of them.
// HTTP/2 carries several at once: libcurl resets the one that has timed out and goes on using the connection, dead or
// not, and for as long as it is never without a request, however old it is. With HTTP/1.1 libcurl sees to all that.
//
// Thread-safety: none. It holds one entry for each connection with a request on it.
#pragma once

#include <string>
#include <unordered_map>

#include "base/clock.h"

namespace longhaul::worker::webhooks {

class ConnectionsInUse {
 public:
  // `lifetime`: how long a connection takes on requests, if it is never without one.
  explicit ConnectionsInUse(base::Milliseconds lifetime) : lifetime_(lifetime) {}

  // A request is about to go over this connection. False: it may not, and does not count.
  [[nodiscard]] bool enter(const std::string& name, base::BootTime now) {
    Connection& connection = connections_.try_emplace(name, Connection{now}).first->second;
    if (now - connection.since >= lifetime_) connection.finished = true;
    if (connection.finished) return false;
    ++connection.requests;
    return true;
  }

  // A request that has entered is over. `failed`: it should not have ended like this, so the connection gets no more.
  // True: that was the last one on a connection that gets no more; it can be closed.
  [[nodiscard]] bool leave(const std::string& name, bool failed) {
    const auto found = connections_.find(name);
    if (found == connections_.end()) return false;
    found->second.finished |= failed;
    if (--found->second.requests > 0) return false;
    const bool finished = found->second.finished;
    connections_.erase(found);
    return finished;
  }

 private:
  struct Connection {
    base::BootTime since;
    int requests = 0;
    bool finished = false;
  };

  const base::Milliseconds lifetime_;
  std::unordered_map<std::string, Connection> connections_;
};

}  // namespace longhaul::worker::webhooks
