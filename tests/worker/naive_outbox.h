// An outbox for tests of the due queue: all of it in memory, and read by the queue as the service does it.
//
// One thread; it owns nothing of the queue, which outlives it. Times are milliseconds.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/webhooks/due_queue.h"

namespace longhaul::tests {

inline base::SteadyTime at(std::int64_t ms) { return base::SteadyTime(base::Milliseconds(ms)); }

inline storage::OwedDelivery owed(std::int64_t key, std::int64_t due, const std::string& origin = "a") {
  return {api::DeliveryKey(key), {}, at(due), origin, origin};
}

// Limits of a queue in which endpoints have hosts of their own.
inline worker::webhooks::DueQueue::Limits limits_of(std::size_t under_way, std::size_t by_endpoint,
                                                    std::size_t kept, std::size_t kept_by_endpoint) {
  worker::webhooks::DueQueue::Limits limits;
  limits.under_way = under_way;
  limits.under_way_by_host = under_way;
  limits.under_way_by_endpoint = by_endpoint;
  limits.kept = kept;
  limits.kept_by_endpoint = kept_by_endpoint;
  return limits;
}

// The key of the next one that is to be sent.
inline std::optional<api::DeliveryKey> take(worker::webhooks::DueQueue& queue, base::SteadyTime now) {
  const auto turn = queue.take(now);
  if (!turn) return std::nullopt;
  REQUIRE_FALSE(turn->give_up);
  return turn->key;
}

// What the store would answer, and what may be asked of the queue about it.
class NaiveOutbox {
 public:
  explicit NaiveOutbox(worker::webhooks::DueQueue& queue) : queue_(queue) {}

  void add(const storage::OwedDelivery& delivery) {
    rows_[{delivery.due, delivery.key}] = delivery.origin;
    origins_[delivery.key] = delivery.origin;
    dues_[delivery.key] = delivery.due;
    queue_.add(delivery);
  }
  void settle(api::DeliveryKey key) {
    rows_.erase({dues_.at(key), key});
    dues_.erase(key);
    queue_.settle(key);
  }
  void put_off(api::DeliveryKey key, base::SteadyTime due) {
    rows_.erase({dues_.at(key), key});
    rows_[{due, key}] = origins_.at(key);
    dues_[key] = due;
    queue_.put_off(key, due);
  }
  // As the service does: a page whenever one is wanted.
  void read_what_is_wanted(base::SteadyTime now, std::size_t page_length) {
    for (int pages = 0; queue_.next_reading() && *queue_.next_reading() <= now; ++pages) {
      REQUIRE(pages < 10'000);
      ++pages_;
      auto row = rows_.begin();
      if (const auto& after = queue_.read_up_to()) row = rows_.upper_bound({after->due, after->key});
      std::vector<storage::OwedDelivery> page;
      for (; row != rows_.end() && page.size() < page_length; ++row)
        page.push_back({row->first.second, {}, row->first.first, row->second, row->second});
      queue_.read(page, page.size() < page_length, now);
    }
  }
  [[nodiscard]] base::SteadyTime due_of(api::DeliveryKey key) const { return dues_.at(key); }
  [[nodiscard]] const std::string& origin_of(api::DeliveryKey key) const { return origins_.at(key); }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  [[nodiscard]] std::size_t pages() const { return pages_; }
  // By due, then by key.
  [[nodiscard]] const std::map<std::pair<base::SteadyTime, api::DeliveryKey>, std::string>& rows() const {
    return rows_;
  }

 private:
  worker::webhooks::DueQueue& queue_;
  std::size_t pages_ = 0;
  std::map<std::pair<base::SteadyTime, api::DeliveryKey>, std::string> rows_;
  std::map<api::DeliveryKey, base::SteadyTime> dues_;
  std::map<api::DeliveryKey, std::string> origins_;
};

}  // namespace longhaul::tests
