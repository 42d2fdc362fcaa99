#include "storage/sqlite/requests/record_delivery.h"

#include "api/limits.h"
#include "storage/sqlite/webhook_rows.h"

namespace longhaul::storage {
namespace {

using api::DeliveryStatus;

void disable(WriteTransaction& transaction, const api::WebhookId& webhook, const api::Disabled& disabled) {
  disable_webhook(transaction.statements(), webhook, disabled);
  transaction.webhooks().note_change();
}

}  // namespace

std::optional<RecordDeliveryRequest::Row> RecordDeliveryRequest::read_row(
    WriteTransaction& transaction) const {
  Query query = transaction.use("pending_delivery");
  if (!query.bind(report_.key.get()).row()) return std::nullopt;
  Row row{query.integer(0), static_cast<int>(query.integer(1)), query.maybe_steady(2), std::nullopt, 0};
  if (!query.is_null(3)) row.webhook = api::WebhookId(query.task_id(3));
  // Of one that is removed it is the report's: nothing of it can have begun anew.
  if (row.webhook) row.generation = query.maybe_integer(4).value_or(report_.generation);
  return row;
}

void RecordDeliveryRequest::note_attempt(WriteTransaction& transaction, const Row& row) const {
  const api::DeliveryAttempt& attempt = *report_.attempt;
  const std::int64_t number = row.attempts + 1;
  transaction.use("insert_delivery_attempt")
      .bind(report_.key.get(), number, attempt.started_at, attempt.duration, attempt.remote_address,
            attempt.response_status, attempt.error, Blob{attempt.response_body})
      .run();
  constexpr auto kept = static_cast<std::int64_t>(api::limits::kept_delivery_attempts);
  if (number > kept) transaction.use("forget_old_attempts").bind(report_.key.get(), number - kept).run();
}

std::optional<DisabledWebhook> RecordDeliveryRequest::judge_webhook(WriteTransaction& transaction,
                                                                    const api::WebhookId& webhook) const {
  if (report_.attempt->error.empty()) {
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
  if (report_.webhook_is_gone) {
    disable(transaction, webhook, {api::DisabledCause::gone, now.wall, std::nullopt});
    return DisabledWebhook{webhook, api::DisabledCause::gone};
  }
  const Milliseconds failed_for = now.steady - failing.value_or(now.steady);
  if (failed_for < report_.disable_after) return std::nullopt;
  disable(transaction, webhook, {api::DisabledCause::failing, now.wall, failed_for});
  return DisabledWebhook{webhook, api::DisabledCause::failing};
}

void RecordDeliveryRequest::apply(WriteTransaction& transaction) {
  outcome_.reset();
  const auto row = read_row(transaction);
  if (!row) return;
  if (report_.attempt) note_attempt(transaction, *row);

  DeliveryStanding standing{report_.status, std::nullopt, std::nullopt};
  std::optional<std::string_view> cause;
  std::optional<WallTime> finished_at;
  if (report_.status == DeliveryStatus::exhausted && is_outdated(*row)) {
    standing = {DeliveryStatus::pending, transaction.now().steady, std::nullopt};
  } else if (report_.status == DeliveryStatus::pending && report_.round != row->round) {
    standing.due = row->due;
  } else if (report_.status == DeliveryStatus::pending) {
    standing.due = transaction.now().steady + report_.backoff.value_or(Milliseconds(0));
  } else {
    finished_at = transaction.now().wall;
    if (report_.status == DeliveryStatus::exhausted) cause = api::to_text(report_.exhausted.value());
    transaction.note_settled();
  }
  transaction.use("move_delivery")
      .bind(api::to_text(standing.status), cause, row->attempts + (report_.attempt ? 1 : 0), standing.due,
            finished_at, report_.key.get())
      .run_guarded();
  if (report_.attempt && row->webhook && report_.generation == row->generation)
    standing.has_disabled = judge_webhook(transaction, *row->webhook);
  const api::DeliveryAttempt attempt = report_.attempt.value_or(api::DeliveryAttempt{});
  transaction.note_tried(
      {report_.key, report_.attempt.has_value(), standing.status, attempt.error, attempt.duration});
  outcome_ = standing;
}

}  // namespace longhaul::storage
