#include "storage/sqlite/requests/send_again.h"

#include <algorithm>
#include <iterator>
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
  OwedDelivery owed = owed_to(*webhook, {}, {}, transaction.now().steady);
  std::vector<OwedDelivery> found;
  {
    Query query = transaction.use("exhausted_of_webhook");
    const std::int64_t after = order_.after ? order_.after->get() : 0;
    query.bind(order_.webhook.get(), after, rows_looked_at);
    std::int64_t looked_at = 0;
    while (found.size() < rows_in_a_slice && query.row()) {
      const api::DeliveryKey key(query.integer(0));
      if (query.wall(2) >= order_.since) {
        owed.key = key;
        owed.id = api::DeliveryId(query.task_id(1));
        found.push_back(owed);
      }
      if (++looked_at == rows_looked_at || found.size() == rows_in_a_slice) outcome_.more = key;
    }
  }
  outcome_.matched = std::ssize(found);
  for (OwedDelivery& delivery : found) send_again(transaction, std::move(delivery), false);
}

namespace {

struct Test {
  std::int64_t key = 0;
  bool is_pending = false;
};

// Newest first.
std::vector<Test> tests_of(WriteTransaction& transaction, const api::WebhookId& webhook) {
  std::vector<Test> tests;
  Query query = transaction.use("tests_of_webhook");
  query.bind(webhook.get());
  while (query.row()) tests.push_back({query.integer(0), query.integer(1) != 0});
  return tests;
}

void remove_test(WriteTransaction& transaction, const Test& test) {
  transaction.use("delete_delivery_attempts").bind(test.key).run();
  transaction.use("delete_delivery_body").bind(test.key).run();
  transaction.use("delete_delivery").bind(test.key).run();
  if (test.is_pending) transaction.note_settled();
}

}  // namespace

void remove_tests(WriteTransaction& transaction, const api::WebhookId& webhook) {
  for (const Test& test : tests_of(transaction, webhook)) remove_test(transaction, test);
}

void SendTestRequest::apply(WriteTransaction& transaction) {
  outcome_ = {};
  const Now now = transaction.now();
  const auto webhook = read_webhook(transaction.statements(), webhook_, now);
  if (!webhook) return;
  outcome_.verdict = SendVerdict::webhook_disabled;
  if (webhook->disabled) return;
  std::vector<Test> tests = tests_of(transaction, webhook_);
  const auto over =
      std::stable_partition(tests.begin(), tests.end(), [](const Test& test) { return test.is_pending; });
  outcome_.verdict = SendVerdict::too_many;
  if (static_cast<std::size_t>(over - tests.begin()) >= api::limits::pending_test_deliveries) return;
  for (auto test = over; test != tests.end(); ++test) {
    if (static_cast<std::size_t>(test - over) >= api::limits::kept_test_deliveries)
      remove_test(transaction, *test);
  }
  const std::string body = api::test_body(now.wall, webhook->id);
  auto [key, owed] = insert_delivery(transaction.statements(), now,
                                     {api::WebhookEvent::webhook_test, std::nullopt, &*webhook, body});
  outcome_ = outcome_of(transaction, SendVerdict::owed, key);
  transaction.note_owed(std::move(owed).value(), true);
}

}  // namespace longhaul::storage
