// The listening socket. Accepts in batches, and keeps one descriptor in reserve so that running out of them
// refuses clients instead of leaving them in a queue that wakes the loop for ever (EMFILE). Not thread-safe:
// open() before the loop runs, all else on its thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace longhaul::server {

class Listener {
 public:
  // `address` numeric, v4 or v6. Port 0: any free one.
  [[nodiscard]] base::Result<void> open(const std::string& address, std::uint16_t port);
  void close();

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] std::uint16_t port() const { return port_; }

  // `peer`: the client's address without its port.
  using Accepted = std::function<void(base::UniqueFd, std::string peer)>;
  // The whole answer to a client for whom there is no descriptor.
  using Refusal = std::function<std::string()>;
  // Takes a batch of those who wait. False: the system has no descriptor even for refusing; try again after a
  // pause.
  [[nodiscard]] bool accept_batch(const Accepted& accepted, const Refusal& refusal);

 private:
  enum class Refused { one, nobody, impossible };
  [[nodiscard]] Refused refuse_one(const Refusal& refusal);
  void refill_reserve();

  base::UniqueFd fd_;
  base::UniqueFd reserve_;
  std::uint16_t port_ = 0;
};

}  // namespace longhaul::server
