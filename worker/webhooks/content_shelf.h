// What was read of deliveries before their turn: with much owed to an endpoint, those that come next are read together
// with the one whose turn it is, which costs far less than one by one. What is old is not used, nor what was read before
// a registered webhook changed: but for the last seconds of an old secret, what is sent is what a read of now would send.
//
// Thread-safety: none. Bounded in deliveries and in bytes of bodies; when it is full, nothing more is put there until
// something was taken or is of no use any more.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/clock.h"
#include "storage/outbox.h"

namespace longhaul::worker::webhooks {

class ContentShelf {
 public:
  struct Limits {
    std::size_t deliveries = 1'024;
    std::size_t bytes = 8 * 1024 * 1024;
    base::Milliseconds kept{2'000};
  };
  // When it is, and how often webhooks had changed by then.
  struct Moment {
    base::BootTime at;
    std::uint64_t changes = 0;
  };
  explicit ContentShelf(const Limits& limits) : limits_(limits) {}

  // How many more may be put there, if they are as long as the last one was.
  [[nodiscard]] std::size_t room(const Moment& now) {
    if (room() > 0) return room();
    for (auto next = contents_.begin(); next != contents_.end();) {
      const auto one = next++;
      if (is_useless(one->second, now)) erase(one);
    }
    return room();
  }
  // What does not fit is not kept.
  void put(api::DeliveryKey key, storage::DeliveryContent content, const Moment& read_at) {
    forget(key);
    usual_bytes_ = std::max<std::size_t>(content.body.size(), 1);
    if (room() == 0) return;
    bytes_ += content.body.size();
    contents_.emplace(key, Content{std::move(content), read_at});
  }
  // Nothing: it is not there, or may not be used any more.
  [[nodiscard]] std::optional<storage::DeliveryContent> take(api::DeliveryKey key, const Moment& now) {
    const auto found = contents_.find(key);
    if (found == contents_.end()) return std::nullopt;
    bytes_ -= found->second.content.body.size();
    auto taken = contents_.extract(found);
    if (is_useless(taken.mapped(), now)) return std::nullopt;
    return std::move(taken.mapped().content);
  }
  void forget(api::DeliveryKey key) {
    if (const auto found = contents_.find(key); found != contents_.end()) erase(found);
  }
  void clear() {
    contents_.clear();
    bytes_ = 0;
  }

 private:
  struct Content {
    storage::DeliveryContent content;
    Moment read_at;
  };
  using Contents = std::unordered_map<api::DeliveryKey, Content>;

  [[nodiscard]] std::size_t room() const {
    const std::size_t bytes_left = limits_.bytes - std::min(limits_.bytes, bytes_);
    return std::min(limits_.deliveries - contents_.size(), bytes_left / usual_bytes_);
  }
  [[nodiscard]] bool is_useless(const Content& content, const Moment& now) const {
    return content.read_at.changes != now.changes || now.at - content.read_at.at > limits_.kept;
  }
  void erase(Contents::iterator place) {
    bytes_ -= place->second.content.body.size();
    contents_.erase(place);
  }

  const Limits limits_;
  Contents contents_;
  std::size_t bytes_ = 0;
  std::size_t usual_bytes_ = 1;
};

}  // namespace longhaul::worker::webhooks
