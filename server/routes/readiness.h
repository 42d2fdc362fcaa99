// Whether the server may take requests: not before it has recovered what an earlier one left behind, and not
// while it stops. Thread-safety: any thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace longhaul::server {

class Readiness {
 public:
  enum class Phase : std::uint8_t { recovering, ready, stopping };

  void enter(Phase phase) { phase_.store(phase); }
  [[nodiscard]] Phase phase() const { return phase_.load(); }

 private:
  std::atomic<Phase> phase_{Phase::recovering};
};

}  // namespace longhaul::server
