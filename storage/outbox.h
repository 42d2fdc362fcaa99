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
#include "api/webhook.h"
#include "storage/store_types.h"

namespace longhaul::storage {

// A delivery that is still owed, as whoever delivers sorts it: by due, then by key.
struct OwedDelivery {
  api::DeliveryKey key;
  api::DeliveryId id;
  SteadyTime due;        // of the next attempt
  std::string endpoint;  // who it is owed to: api::endpoint_of() a webhook, or the origin of a callback
  std::string origin;    // "https://example.com:8443": scheme, host and port of its URL, lower case
};

// Whether a delivery may be sent at all.
enum class Addressee : std::uint8_t {
  callback,          // of a task: always
  webhook,           // registered, and enabled
  disabled_webhook,  // not now
  removed_webhook,   // never again
};

// What is sent. The body never changes once it is written; the URL and the secrets are the webhook's of now.
struct DeliveryContent {
  api::DeliveryId id;
  Addressee addressee = Addressee::callback;
  std::string url;
  std::string body;
  std::string traceparent;           // of the task; empty: none
  std::vector<std::string> secrets;  // of the webhook, the newest first; empty: the server's own signs
  int attempts = 0;                  // made since it was owed, or asked for again
  int round = 0;                     // how often it was asked for again
  std::int64_t generation = 0;  // of the webhook: one more with each new URL, and each time it is enabled
};

// What came of a delivery's turn, and what follows from it.
struct DeliveryReport {
  api::DeliveryKey key;
  std::optional<api::DeliveryAttempt> attempt;  // nothing: it was given up without one
  api::DeliveryStatus status = api::DeliveryStatus::pending;
  std::optional<Milliseconds> backoff;           // with pending: from now to the next attempt; nothing is 0
  std::optional<api::ExhaustedCause> exhausted;  // with exhausted
  // Of the content. Of an earlier round or generation an exhausted one is owed again, and of an earlier generation nothing
  // is said of the webhook.
  int round = 0;
  std::int64_t generation = 0;
  bool webhook_is_gone = false;   // it said so, and is disabled
  Milliseconds disable_after{0};  // as is one all whose attempts have failed for so long
};

struct DisabledWebhook {
  api::WebhookId id;
  api::DisabledCause cause = api::DisabledCause::failing;
};

// How a delivery stands after a report.
struct DeliveryStanding {
  api::DeliveryStatus status = api::DeliveryStatus::pending;
  std::optional<SteadyTime> due;                // pending: of the next attempt
  std::optional<DisabledWebhook> has_disabled;  // its webhook, just now
};

// Where an endpoint is now. Its failures so far are forgotten.
struct MovedEndpoint {
  std::string endpoint;
  std::string origin;
};

enum class SendVerdict : std::uint8_t {
  unknown,
  webhook_disabled,
  webhook_removed,
  too_many,  // of a test: limits::pending_test_deliveries are under way
  owed,      // due now
};
struct SendOutcome {
  SendVerdict verdict = SendVerdict::unknown;
  std::optional<api::DeliverySummary> delivery;  // but for unknown, and of a test that is not sent
};

// What a webhook was not told: given up since then. It goes in slices, each a transaction of its own; with what an outcome
// says the caller asks for the next one.
struct RecoverOrder {
  api::WebhookId webhook;
  WallTime since;                         // of the event
  std::optional<api::DeliveryKey> after;  // behind this one
};
struct RecoverOutcome {
  SendVerdict verdict = SendVerdict::unknown;
  std::int64_t matched = 0;              // by this slice: due now
  std::optional<api::DeliveryKey> more;  // go on behind this one
};

// A page of a webhook's deliveries.
struct DeliveryPage {
  std::vector<api::DeliverySummary> deliveries;    // newest first
  std::optional<api::DeliveryKey> continue_after;  // nothing: this was the end
};

// A turn of a delivery that was noted, for those who count them.
struct TriedDelivery {
  api::DeliveryKey key;
  bool was_attempted = true;  // false: it was given up without one, and the rest says nothing
  api::DeliveryStatus status = api::DeliveryStatus::pending;  // afterwards
  std::string error;                                          // as api::DeliveryAttempt has it
  Milliseconds duration{0};
};

class Outbox {
 public:
  virtual ~Outbox() = default;

  // ---- writes
  // Notes what came of turns, all or none; the answers are in their order. Nothing: it is not pending any more, or gone,
  // and nothing has changed.
  virtual void record_deliveries(std::vector<DeliveryReport> reports,
                                 Done<std::vector<std::optional<DeliveryStanding>>> done) = 0;
  // Owed again from now on, whatever became of it, with the same id and bytes and all its attempts before it.
  virtual void redeliver(api::DeliveryId id, Done<SendOutcome> done) = 0;
  // One slice.
  virtual void recover(RecoverOrder order, Done<RecoverOutcome> done) = 0;
  // An event webhook.test for this webhook, that belongs to no task. Of those that are over the last few are kept
  // (limits::kept_test_deliveries).
  virtual void send_test(api::WebhookId webhook, Done<SendOutcome> done) = 0;

  // ---- reads
  // What is owed, earliest first, from behind `after` (of which key and due count).
  [[nodiscard]] virtual StoreResult<std::vector<OwedDelivery>> owed_deliveries(
      const std::optional<OwedDelivery>& after, std::size_t limit) = 0;
  // In the order of the keys. Nothing: not pending any more, or gone.
  [[nodiscard]] virtual StoreResult<std::vector<std::optional<DeliveryContent>>> find_deliveries(
      const std::vector<api::DeliveryKey>& keys) = 0;
  // Oldest first. Nothing: there is no such task.
  [[nodiscard]] virtual StoreResult<std::optional<std::vector<api::DeliverySummary>>> deliveries_of(
      const TaskId& task) = 0;
  // Nothing: there is no such webhook.
  [[nodiscard]] virtual StoreResult<std::optional<DeliveryPage>> deliveries_of(
      const api::DeliveryQuery& query) = 0;
  // Nothing: there is no such delivery.
  [[nodiscard]] virtual StoreResult<std::optional<api::DeliveryDetail>> find_detail(
      const api::DeliveryId& id) = 0;
  // The secret that signs callbacks of tasks, "whsec_" and base64: made at the first start, kept for good.
  // From memory.
  [[nodiscard]] virtual const std::string& callback_secret() const = 0;
  // Now, on the timeline that `due` is on; the same as the store's.
  [[nodiscard]] virtual Now now() const = 0;
};

}  // namespace longhaul::storage
