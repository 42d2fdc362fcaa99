#include "storage/sqlite/requests/send_again.h"

#include <utility>
#include <vector>

#include "api/limits.h"
#include "api/web_url.h"
#include "storage/sqlite/deliveries.h"
#include "storage/sqlite/webhook_rows.h"

namespace longhaul::storage {
namespace {

struct Row {
  api::DeliveryKey key;
  bool is_pending = false;
  std::optional<api::WebhookId> webhook;
};

std::optional<Row> find_row(WriteTransaction& transaction, const api::DeliveryId& id) {
  Query query = transaction.use("delivery_to_send");
  if (!query.bind(id.get()).row()) return std::nullopt;
  Row row{api::DeliveryKey(query.integer(0)), query.integer(1) != 0, std::nullopt};
  if (!query.is_null(2)) row.webhook = api::WebhookId(query.task_id(2));
  return row;
}

void send_again(WriteTransaction& transaction, OwedDelivery delivery, bool was_pending) {
  transaction.use("send_again").bind(transaction.now().steady, delivery.key.get()).run_guarded();
  transaction.note_owed(std::move(delivery), !was_pending);
}

SendOutcome outcome_of(WriteTransaction& transaction, SendVerdict verdict, api::DeliveryKey key) {
  return {verdict, read_delivery(transaction.statements(), key, transaction.now())};
}

}  // namespace

void RedeliverRequest::apply(WriteTransaction& transaction) {
  outcome_ = {};
  const auto row = find_row(transaction, id_);
  if (!row) return;
  const SteadyTime now = transaction.now().steady;
  OwedDelivery owed{row->key, id_, now, {}, {}};
  if (row->webhook) {
    const auto webhook = read_webhook(transaction.statements(), *row->webhook, transaction.now());
    if (!webhook || webhook->disabled) {
      const auto verdict = webhook ? SendVerdict::webhook_disabled : SendVerdict::webhook_removed;
      outcome_ = outcome_of(transaction, verdict, row->key);
      return;
    }
    owed = owed_to(*webhook, row->key, id_, now);
  } else {
    const auto delivery = read_delivery(transaction.statements(), row->key, transaction.now());
    const auto url = api::read_web_url(delivery.value().url);
    owed.origin = url ? api::origin_of(url.value()) : delivery->url;
    owed.endpoint = owed.origin;
  }
  send_again(transaction, std::move(owed), row->is_pending);
  outcome_ = outcome_of(transaction, SendVerdict::owed, row->key);
}

void RecoverRequest::apply(WriteTransaction& transaction) {
  outcome_ = {};
  const auto webhook = read_webhook(transaction.statements(), order_.webhook, transaction.now());
  if (!webhook) return;
  outcome_.verdict = webhook->disabled ? SendVerdict::webhook_disabled : SendVerdict::owed;
  if (webhook->disabled) return;
  std::vector<OwedDelivery> found;
  {
    Query query = transaction.use("exhausted_of_webhook");
    const std::int64_t after = order_.after ? order_.after->get() : 0;
    query.bind(order_.webhook.get(), after, order_.since, rows_in_a_slice);
    while (query.row()) {
      found.push_back(owed_to(*webhook, api::DeliveryKey(query.integer(0)), api::DeliveryId(query.task_id(1)),
                              transaction.now().steady));
    }
  }
  outcome_.matched = static_cast<std::int64_t>(found.size());
  if (outcome_.matched == rows_in_a_slice) outcome_.more = found.back().key;
  for (OwedDelivery& delivery : found) send_again(transaction, std::move(delivery), false);
}

void remove_tests(WriteTransaction& transaction, const api::WebhookId& webhook, std::int64_t kept) {
  std::vector<std::pair<std::int64_t, bool>> old;
  {
    Query query = transaction.use("old_tests");
    query.bind(webhook.get(), kept);
    while (query.row()) old.emplace_back(query.integer(0), query.integer(1) != 0);
  }
  for (const auto& [key, was_pending] : old) {
    transaction.use("delete_delivery_attempts").bind(key).run();
    transaction.use("delete_delivery_body").bind(key).run();
    transaction.use("delete_delivery").bind(key).run();
    if (was_pending) transaction.note_settled();
  }
}

void SendTestRequest::apply(WriteTransaction& transaction) {
  outcome_ = {};
  const Now now = transaction.now();
  const auto webhook = read_webhook(transaction.statements(), webhook_, now);
  if (!webhook) return;
  outcome_.verdict = SendVerdict::webhook_disabled;
  if (webhook->disabled) return;
  const std::string body = api::test_body(now.wall, webhook->id);
  auto owed = insert_delivery(transaction.statements(), now,
                              {api::WebhookEvent::webhook_test, std::nullopt, &*webhook, body});
  outcome_ = outcome_of(transaction, SendVerdict::owed, owed.value().key);
  transaction.note_owed(*std::move(owed), true);
  remove_tests(transaction, webhook_, static_cast<std::int64_t>(api::limits::kept_test_deliveries));
}

}  // namespace longhaul::storage
