#include "storage/sqlite/requests/record_delivery.h"

namespace longhaul::storage {
namespace {

std::optional<std::int64_t> attempts_made(WriteTransaction& transaction, api::DeliveryKey key) {
  Query query = transaction.use("pending_delivery");
  if (!query.bind(key.get()).row()) return std::nullopt;
  return query.integer(0);
}

}  // namespace

void RecordDeliveryRequest::apply(WriteTransaction& transaction) {
  const auto made = attempts_made(transaction, report_.key);
  outcome_ = made.has_value();
  if (!made) return;
  const api::DeliveryAttempt& attempt = report_.attempt;
  transaction.use("insert_delivery_attempt")
      .bind(report_.key.get(), *made + 1, attempt.started_at, attempt.duration, attempt.remote_address,
            attempt.response_status, attempt.error, Blob{attempt.response_body})
      .run();

  std::optional<SteadyTime> due;
  std::optional<WallTime> finished_at;
  if (report_.status == api::DeliveryStatus::pending) {
    due = transaction.now().steady + report_.backoff.value_or(Milliseconds(0));
  } else {
    finished_at = transaction.now().wall;
  }
  transaction.use("move_delivery")
      .bind(api::to_text(report_.status), due, finished_at, report_.key.get())
      .run_guarded();
  transaction.note_tried({report_.key, report_.status, attempt.error, attempt.duration});
}

}  // namespace longhaul::storage
