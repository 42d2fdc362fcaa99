// The outbox: deliveries that webhooks owe, written in the transaction of the change they tell of, and kept
// with their attempts when they were delivered or given up. Part of the store (Store::outbox()); every engine
// has it. Whoever delivers hears of new ones by StoreObserver::on_deliveries, and finds those of before by
// owed_deliveries.
//
// Thread-safety, errors, callbacks: as storage/store.h says.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "api/delivery.h"
#include "storage/store_types.h"

namespace longhaul::storage {

// A delivery that is still owed, as whoever delivers sorts it: by due, then by key.
struct OwedDelivery {
  api::DeliveryKey key;
  api::DeliveryId id;
  SteadyTime due;      // of the next attempt
  std::string origin;  // "https://example.com:8443": scheme, host and port of its URL, lower case
};

// What is sent. The body never changes once it is written.
struct DeliveryContent {
  api::DeliveryId id;
  std::string url;
  std::string body;
  std::string traceparent;  // of the task; empty: none
  int attempts = 0;         // made so far
};

// One attempt, and what follows from it.
struct DeliveryReport {
  api::DeliveryKey key;
  api::DeliveryAttempt attempt;
  api::DeliveryStatus status = api::DeliveryStatus::pending;
  std::optional<Milliseconds> backoff;  // with pending: from now to the next attempt; nothing is 0
};

// An attempt that was noted, for those who count them.
struct TriedDelivery {
  api::DeliveryKey key;
  api::DeliveryStatus status = api::DeliveryStatus::pending;  // afterwards
  std::string error;                                          // as api::DeliveryAttempt has it
  Milliseconds duration{0};
};

class Outbox {
 public:
  virtual ~Outbox() = default;

  // ---- writes
  // Notes an attempt. Ignored (false) when the delivery is not pending any more, or gone.
  virtual void record_delivery(DeliveryReport report, Done<bool> done) = 0;

  // ---- reads
  // What is owed, earliest first, from behind `after` (of which key and due count).
  [[nodiscard]] virtual StoreResult<std::vector<OwedDelivery>> owed_deliveries(
      const std::optional<OwedDelivery>& after, std::size_t limit) = 0;
  // Nothing: not pending any more, or gone.
  [[nodiscard]] virtual StoreResult<std::optional<DeliveryContent>> find_delivery(api::DeliveryKey key) = 0;
  // Oldest first. Nothing: there is no such task.
  [[nodiscard]] virtual StoreResult<std::optional<std::vector<api::DeliverySummary>>> deliveries_of(
      const TaskId& task) = 0;
  // The secret that signs callbacks of tasks, "whsec_" and base64: made at the first start, kept for good.
  // From memory.
  [[nodiscard]] virtual const std::string& callback_secret() const = 0;
  // Now, on the timeline that `due` is on; the same as the store's.
  [[nodiscard]] virtual Now now() const = 0;
};

}  // namespace longhaul::storage
