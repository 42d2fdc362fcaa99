// Clients that wait for one task, a third each by long poll, event stream and WebSocket. They are looked after only
// in the calls below: what comes meanwhile stays in their sockets. Not thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace longhaul::bench {

class WaitingClients {
 public:
  using Clock = std::chrono::steady_clock;

  WaitingClients(std::uint16_t port, std::size_t count, std::string task_id)
      : port_(port), task_id_(std::move(task_id)), clients_(count) {}

  // Connects all, and returns when the server has told each stream where the task stands and holds each long poll.
  [[nodiscard]] base::Result<void> start();
  // Returns the moment in which the last of them had been told something with `mark` in it.
  [[nodiscard]] base::Result<Clock::time_point> wait_until_all_told(std::string_view mark);

 private:
  enum class Kind : std::uint8_t { long_poll, event_stream, socket };
  struct Client {
    base::UniqueFd fd;
    Kind kind = Kind::long_poll;
    std::string received;
    bool has_subscribed = false;  // a socket
    bool is_done = false;         // with what is being waited for
  };
  [[nodiscard]] base::Result<void> connect(std::size_t number);
  [[nodiscard]] base::Result<void> subscribe(Client& client) const;
  // Reads what there is; fails when the client is shut out before `mark` has come.
  [[nodiscard]] base::Result<void> read(Client& client, std::string_view mark) const;
  [[nodiscard]] base::Result<void> read_until(std::string_view mark, std::size_t wanted);
  [[nodiscard]] base::Result<void> wait_for_polls(std::size_t polls) const;

  const std::uint16_t port_;
  const std::string task_id_;
  std::vector<Client> clients_;
  base::UniqueFd epoll_;
};

}  // namespace longhaul::bench
