#include "storage/sqlite/requests/record_deliveries.h"

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
  std::int64_t generation = 0;  // of the webhook
};

void disable(WriteTransaction& transaction, const api::WebhookId& webhook, const api::Disabled& disabled) {
  disable_webhook(transaction.statements(), webhook, disabled);
  transaction.webhooks().note_change();
}

std::optional<Row> read_row(WriteTransaction& transaction, const DeliveryReport& report) {
  Query query = transaction.use("pending_delivery");
  if (!query.bind(report.key.get()).row()) return std::nullopt;
  Row row{query.integer(0), static_cast<int>(query.integer(1)), query.maybe_steady(2), std::nullopt, 0};
  if (!query.is_null(3)) row.webhook = api::WebhookId(query.task_id(3));
  // Of one that is removed it is the report's: nothing of it can have begun anew.
  if (row.webhook) row.generation = query.maybe_integer(4).value_or(report.generation);
  return row;
}

// Asked for again, or its webhook began anew, since this turn of it began.
bool is_outdated(const DeliveryReport& report, const Row& row) {
  return report.round != row.round || report.generation != row.generation;
}

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
                                             const api::WebhookId& webhook) {
  if (report.attempt->error.empty()) {
    transaction.use("webhook_works").bind(webhook.get()).run();
    return std::nullopt;
  }
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

std::optional<DeliveryStanding> record(WriteTransaction& transaction, const DeliveryReport& report) {
  const auto row = read_row(transaction, report);
  if (!row) return std::nullopt;
  if (report.attempt) note_attempt(transaction, report, *row);

  DeliveryStanding standing{report.status, std::nullopt, std::nullopt};
  std::optional<std::string_view> cause;
  std::optional<WallTime> finished_at;
  if (report.status == DeliveryStatus::exhausted && is_outdated(report, *row)) {
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
  if (report.attempt && row->webhook && report.generation == row->generation)
    standing.has_disabled = judge_webhook(transaction, report, *row->webhook);
  const api::DeliveryAttempt attempt = report.attempt.value_or(api::DeliveryAttempt{});
  transaction.note_tried(
      {report.key, report.attempt.has_value(), standing.status, attempt.error, attempt.duration});
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
  for (const DeliveryReport& report : reports_) outcome_.push_back(record(transaction, report));
}

}  // namespace longhaul::storage
