#include "storage/sqlite/requests/record_deliveries.h"

#include <algorithm>
#include <utility>

#include "api/limits.h"
#include "storage/sqlite/webhook_rows.h"

namespace longhaul::storage {
namespace {

using api::DeliveryStatus;

// How it stands before the report.
struct Row {
  std::int64_t attempts = 0;
  int round = 0;
  std::optional<SteadyTime> due;
  std::optional<api::WebhookId> webhook;
};

// A webhook, as all reports of one transaction find it.
struct KnownWebhook {
  api::WebhookId id;
  std::optional<std::int64_t> generation;  // nothing: it is removed
  bool works = false;                      // a report has said so, and none of those behind it anything else
};

void disable(WriteTransaction& transaction, const api::WebhookId& webhook, const api::Disabled& disabled) {
  disable_webhook(transaction.statements(), webhook, disabled);
  transaction.webhooks().note_change();
}

std::optional<Row> read_row(WriteTransaction& transaction, const DeliveryReport& report) {
  Query query = transaction.use("pending_delivery");
  if (!query.bind(report.key.get()).row()) return std::nullopt;
  Row row{query.integer(0), static_cast<int>(query.integer(1)), query.maybe_steady(2), std::nullopt};
  if (!query.is_null(3)) row.webhook = api::WebhookId(query.task_id(3));
  return row;
}

class KnownWebhooks {
 public:
  explicit KnownWebhooks(WriteTransaction& transaction) : transaction_(transaction) {}

  [[nodiscard]] KnownWebhook& find(const api::WebhookId& id) {
    const auto known = std::ranges::find(known_, id, &KnownWebhook::id);
    if (known != known_.end()) return *known;
    KnownWebhook webhook{id, std::nullopt, false};
    Query query = transaction_.use("generation_of_webhook");
    if (query.bind(id.get()).row()) webhook.generation = query.integer(0);
    return known_.emplace_back(webhook);
  }

 private:
  WriteTransaction& transaction_;
  std::vector<KnownWebhook> known_;  // mostly one
};

void note_attempt(WriteTransaction& transaction, const DeliveryReport& report, const Row& row) {
  const api::DeliveryAttempt& attempt = *report.attempt;
  const std::int64_t number = row.attempts + 1;
  transaction.use("insert_delivery_attempt")
      .bind(report.key.get(), number, attempt.started_at, attempt.duration, attempt.remote_address,
            attempt.response_status, attempt.error, Blob{attempt.response_body})
      .run();
  constexpr auto kept = static_cast<std::int64_t>(api::limits::kept_delivery_attempts);
  if (number > kept) transaction.use("forget_old_attempts").bind(report.key.get(), number - kept).run();
}

// Whether its webhook works, and since when it does not. Something: it is disabled by this.
std::optional<DisabledWebhook> judge_webhook(WriteTransaction& transaction, const DeliveryReport& report,
                                             KnownWebhook& known) {
  const api::WebhookId& webhook = known.id;
  if (report.attempt->error.empty()) {
    if (!std::exchange(known.works, true)) transaction.use("webhook_works").bind(webhook.get()).run();
    return std::nullopt;
  }
  known.works = false;
  const Now now = transaction.now();
  transaction.use("webhook_fails").bind(now.steady, webhook.get()).run();
  std::optional<SteadyTime> failing;
  {
    Query query = transaction.use("standing_of_webhook");
    if (!query.bind(webhook.get()).row() || query.integer(1) != 0)
      return std::nullopt;  // removed, or disabled
    failing = query.maybe_steady(0);
  }
  if (report.webhook_is_gone) {
    disable(transaction, webhook, {api::DisabledCause::gone, now.wall, std::nullopt});
    return DisabledWebhook{webhook, api::DisabledCause::gone};
  }
  const Milliseconds failed_for = now.steady - failing.value_or(now.steady);
  if (failed_for < report.disable_after) return std::nullopt;
  disable(transaction, webhook, {api::DisabledCause::failing, now.wall, failed_for});
  return DisabledWebhook{webhook, api::DisabledCause::failing};
}

std::optional<DeliveryStanding> record(WriteTransaction& transaction, KnownWebhooks& webhooks,
                                       const DeliveryReport& report) {
  const auto row = read_row(transaction, report);
  if (!row) return std::nullopt;
  KnownWebhook* const webhook = row->webhook ? &webhooks.find(*row->webhook) : nullptr;
  // Of a webhook that is removed nothing can have begun anew.
  const bool is_of_now =
      webhook == nullptr || webhook->generation.value_or(report.generation) == report.generation;
  if (report.attempt) note_attempt(transaction, report, *row);

  DeliveryStanding standing{report.status, std::nullopt, std::nullopt};
  std::optional<std::string_view> cause;
  std::optional<WallTime> finished_at;
  // Asked for again, or its webhook began anew, since this turn of it began.
  const bool is_outdated = report.round != row->round || !is_of_now;
  if (report.status == DeliveryStatus::exhausted && is_outdated) {
    standing = {DeliveryStatus::pending, transaction.now().steady, std::nullopt};
  } else if (report.status == DeliveryStatus::pending && report.round != row->round) {
    standing.due = row->due;
  } else if (report.status == DeliveryStatus::pending) {
    standing.due = transaction.now().steady + report.backoff.value_or(Milliseconds(0));
  } else {
    finished_at = transaction.now().wall;
    if (report.status == DeliveryStatus::exhausted) cause = api::to_text(report.exhausted.value());
    transaction.note_settled();
  }
  transaction.use("move_delivery")
      .bind(api::to_text(standing.status), cause, row->attempts + (report.attempt ? 1 : 0), standing.due,
            finished_at, report.key.get())
      .run_guarded();
  if (report.attempt && webhook != nullptr && is_of_now)
    standing.has_disabled = judge_webhook(transaction, report, *webhook);
  TriedDelivery tried{report.key, report.attempt.has_value(), standing.status, {}, {}};
  if (report.attempt) {
    tried.error = report.attempt->error;
    tried.duration = report.attempt->duration;
  }
  transaction.note_tried(std::move(tried));
  return standing;
}

}  // namespace

std::size_t RecordDeliveriesRequest::bytes() const {
  std::size_t bytes = 0;
  for (const DeliveryReport& report : reports_) {
    if (report.attempt) bytes += report.attempt->response_body.size();
  }
  return bytes;
}

void RecordDeliveriesRequest::apply(WriteTransaction& transaction) {
  outcome_.clear();
  KnownWebhooks webhooks(transaction);
  for (const DeliveryReport& report : reports_) outcome_.push_back(record(transaction, webhooks, report));
}

}  // namespace longhaul::storage
