// Clients that send one byte of a request a second, each at its own moment, from one thread of ours. One that
// the server has shut out connects again. Thread-safety: start and destroy from one thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace longhaul::bench {

class SlowClients {
 public:
  SlowClients(std::uint16_t port, std::size_t count) : port_(port), clients_(count) {}
  ~SlowClients();
  SlowClients(const SlowClients&) = delete;
  SlowClients& operator=(const SlowClients&) = delete;

  // Connects all, and returns when each has sent its first byte.
  [[nodiscard]] base::Result<void> start();
  // Why they could not go on; nothing if they could.
  [[nodiscard]] base::Result<void> check() const;

 private:
  struct Client {
    base::UniqueFd fd;
    std::size_t sent = 0;
  };
  [[nodiscard]] base::Result<void> connect(std::size_t number);
  [[nodiscard]] bool send_byte(Client& client) const;
  void run();

  const std::uint16_t port_;
  std::vector<Client> clients_;
  base::UniqueFd stop_;
  std::atomic<bool> failed_ = false;
  std::thread thread_;
};

}  // namespace longhaul::bench
