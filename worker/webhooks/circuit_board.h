// Which circuits are open, for whoever wants to know: written by the delivery service, read by routes and metrics.
// Thread-safety: any thread.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/mutex.h"

namespace longhaul::worker::webhooks {

struct OpenCircuit {
  base::WallTime opened_at;
  base::WallTime next_attempt_at;  // one delivery is tried then, to see whether the endpoint is back
};

class CircuitBoard {
 public:
  // `endpoint` as storage::OwedDelivery has it. A circuit that is open already keeps when it was opened.
  void open(const std::string& endpoint, const OpenCircuit& circuit) EXCLUDES(mutex_) {
    base::MutexLock lock(mutex_);
    const auto [place, is_new] = open_.try_emplace(endpoint, circuit);
    if (!is_new) place->second.next_attempt_at = circuit.next_attempt_at;
  }
  void close(const std::string& endpoint) EXCLUDES(mutex_) {
    base::MutexLock lock(mutex_);
    open_.erase(endpoint);
  }
  // Nothing: closed.
  [[nodiscard]] std::optional<OpenCircuit> find(const std::string& endpoint) const EXCLUDES(mutex_) {
    base::MutexLock lock(mutex_);
    const auto found = open_.find(endpoint);
    if (found == open_.end()) return std::nullopt;
    return found->second;
  }
  [[nodiscard]] std::size_t open_count() const EXCLUDES(mutex_) {
    base::MutexLock lock(mutex_);
    return open_.size();
  }

 private:
  mutable base::Mutex mutex_;
  std::map<std::string, OpenCircuit> open_ GUARDED_BY(mutex_);
};

}  // namespace longhaul::worker::webhooks
