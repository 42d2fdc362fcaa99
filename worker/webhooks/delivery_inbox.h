// What the delivery service's thread is told, in order. The store's answers come in here, so that one that comes
// after the service has gone falls on a closed inbox and not on freed memory: those who may call late share its
// ownership.
//
// Thread-safety: push() and the others from any thread; take() from the service's own. Of new deliveries only so
// many are kept until they are taken: the store has them all, and is asked when some were missed. Answers are at
// most one for each delivery under way.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "base/mutex.h"
#include "storage/outbox.h"

namespace longhaul::worker::webhooks {

// The answer to reports of these, in their order.
struct Recorded {
  std::vector<api::DeliveryKey> keys;
  storage::StoreResult<std::vector<std::optional<storage::DeliveryStanding>>> outcome;
};

class DeliveryInbox {
 public:
  struct Content {
    std::vector<storage::OwedDelivery> owed;
    std::vector<storage::MovedEndpoint> moved;
    bool missed_some = false;
    std::vector<Recorded> recorded;
    bool stop = false;

    [[nodiscard]] bool empty() const {
      return owed.empty() && moved.empty() && !missed_some && recorded.empty() && !stop;
    }
  };

  // `wake` must not block. It is called when something has come in while the service may be asleep.
  explicit DeliveryInbox(std::function<void()> wake) : wake_(std::move(wake)) {}

  void push(std::span<const storage::OwedDelivery> owed) EXCLUDES(mutex_) {
    change([owed](Content& content) {
      const std::size_t room = owed_max - std::min(owed_max, content.owed.size());
      const auto fitting = owed.first(std::min(room, owed.size()));
      content.owed.insert(content.owed.end(), fitting.begin(), fitting.end());
      content.missed_some |= fitting.size() < owed.size();
    });
  }
  void push(std::span<const storage::MovedEndpoint> moved) EXCLUDES(mutex_) {
    change(
        [moved](Content& content) { content.moved.insert(content.moved.end(), moved.begin(), moved.end()); });
  }
  void push(Recorded recorded) EXCLUDES(mutex_) {
    change([&recorded](Content& content) { content.recorded.push_back(std::move(recorded)); });
  }
  void push_stop() EXCLUDES(mutex_) {
    change([](Content& content) { content.stop = true; });
  }

  // Everything that has come in. When there was nothing, the next push wakes.
  [[nodiscard]] Content take() EXCLUDES(mutex_) {
    base::MutexLock lock(mutex_);
    asleep_ = content_.empty();
    return std::exchange(content_, {});
  }

  // From here on everything is dropped, and nobody is woken.
  void close() EXCLUDES(mutex_) {
    base::MutexLock lock(mutex_);
    closed_ = true;
    content_ = {};
  }

 private:
  static constexpr std::size_t owed_max = 10'000;

  // The wake-up happens under the lock: behind close() there may be nobody to wake.
  template <class Change>
  void change(Change change) EXCLUDES(mutex_) {
    base::MutexLock lock(mutex_);
    if (closed_) return;
    change(content_);
    if (std::exchange(asleep_, false)) wake_();
  }

  const std::function<void()> wake_;
  base::Mutex mutex_;
  Content content_ GUARDED_BY(mutex_);
  bool asleep_ GUARDED_BY(mutex_) = false;
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace longhaul::worker::webhooks
