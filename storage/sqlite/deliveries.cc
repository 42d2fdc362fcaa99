#include "storage/sqlite/deliveries.h"

#include <sqlite3.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "api/web_url.h"
#include "storage/sqlite/task_row.h"
#include "storage/sqlite/webhook_rows.h"

namespace longhaul::storage {
namespace {

constexpr std::string_view callback_secret_name = "callback";
// Looked at for a page, however few of them are asked for.
constexpr std::size_t rows_in_a_page_scan = 20'000;

[[noreturn]] void throw_nonsense(const char* what, std::string_view text) {
  throw SqlError(SQLITE_CORRUPT, std::string("the database holds ") + what + " '" + std::string(text) + "'");
}

// A URL that was taken once and that the rules of today refuse is an origin of its own: whoever delivers it
// will find out, and the task is not to suffer.
std::string origin_of_url(std::string_view url) {
  const auto read = api::read_web_url(url);
  return read ? api::origin_of(read.value()) : std::string(url);
}

api::DeliveryStatus read_status(const Query& query, int column) {
  const auto status = api::parse_delivery_status(query.text(column));
  if (!status) throw_nonsense("the status of a delivery", query.text(column));
  return *status;
}

api::WebhookEvent read_event(const Query& query, int column) {
  const auto event = api::parse_webhook_event(query.text(column));
  if (!event) throw_nonsense("the event", query.text(column));
  return *event;
}

std::optional<api::ExhaustedCause> read_exhausted_cause(const Query& query, int column) {
  if (query.is_null(column)) return std::nullopt;
  const auto cause = api::parse_exhausted_cause(query.text(column));
  if (!cause) throw_nonsense("the cause to give a delivery up", query.text(column));
  return cause;
}

// The columns of delivery_summary, in its order.
enum Column : int {
  id,
  webhook_id,
  task_id,
  event,
  url,
  status,
  exhausted_cause,
  attempts,
  created_at,
  due_steady,
  finished_at,
  last_attempt
};

// Those of an attempt, from `first` on.
api::DeliveryAttempt read_attempt(const Query& query, int first) {
  api::DeliveryAttempt attempt;
  attempt.started_at = query.wall(first);
  attempt.duration = Milliseconds(query.integer(first + 1));
  attempt.remote_address = query.text(first + 2);
  attempt.response_status = query.maybe_int(first + 3);
  attempt.error = query.text(first + 4);
  attempt.response_body = query.text(first + 5);
  return attempt;
}

api::DeliverySummary read_summary(const Query& query, const Now& now) {
  api::DeliverySummary summary;
  summary.id = api::DeliveryId(query.task_id(Column::id));
  if (!query.is_null(Column::webhook_id)) summary.webhook = api::WebhookId(query.task_id(Column::webhook_id));
  if (!query.is_null(Column::task_id)) summary.task = query.task_id(Column::task_id);
  summary.event = read_event(query, Column::event);
  summary.url = query.text(Column::url);
  summary.status = read_status(query, Column::status);
  summary.exhausted_cause = read_exhausted_cause(query, Column::exhausted_cause);
  summary.attempts = static_cast<int>(query.integer(Column::attempts));
  summary.created_at = query.wall(Column::created_at);
  // By the wall clock as it stands now: the delivery itself waits on the steady one.
  if (const auto due = query.maybe_steady(Column::due_steady))
    summary.next_attempt_at = now.wall + (*due - now.steady);
  summary.finished_at = query.maybe_wall(Column::finished_at);
  if (!query.is_null(Column::last_attempt)) summary.last_attempt = read_attempt(query, Column::last_attempt);
  return summary;
}

std::string url_of_callback(Statements& statements, TaskKey task) {
  Query callback = statements.use("callback_of_task");
  if (!callback.bind(task).row()) throw SqlError(SQLITE_CORRUPT, "a task with events and no callback");
  return std::string(callback.text(0));
}

// Who a delivery is owed to, and where.
struct Place {
  std::optional<TaskId> webhook;
  std::string url;  // of a callback
  std::string endpoint;
  std::string origin;
};

// For the rows of owed_deliveries, of which mostly many of one endpoint follow each other.
class Places {
 public:
  explicit Places(Statements& statements) : statements_(statements) {}

  // Good until the next.
  [[nodiscard]] const Place& find(const Query& row) {
    if (row.is_null(4)) return of_callback(row.text(3));
    const TaskId webhook = row.task_id(4);
    const auto known = std::ranges::find(webhooks_, std::optional(webhook), &Place::webhook);
    return known != webhooks_.end() ? *known : webhooks_.emplace_back(of_webhook(webhook, row.text(3)));
  }

 private:
  const Place& of_callback(std::string_view url) {
    if (callback_.url == url) return callback_;
    callback_.url = url;
    callback_.endpoint = callback_.origin = origin_of_url(url);
    return callback_;
  }
  // Where it is now; one that is removed, where it was when this delivery was written.
  Place of_webhook(const TaskId& webhook, std::string_view url_then) {
    Query query = statements_.use("endpoint_of_webhook");
    const std::string_view url = query.bind(webhook).row() ? query.text(0) : url_then;
    return {webhook, {}, api::endpoint_of(api::WebhookId(webhook)), origin_of_url(url)};
  }

  Statements& statements_;
  Place callback_;
  std::vector<Place> webhooks_;
};

}  // namespace

OwedDelivery owed_to(const api::Webhook& webhook, api::DeliveryKey key, api::DeliveryId id, SteadyTime due) {
  return {key, id, due, api::endpoint_of(webhook.id), origin_of_url(webhook.url)};
}

MovedEndpoint moved(const api::Webhook& webhook) {
  return {api::endpoint_of(webhook.id), origin_of_url(webhook.url)};
}

InsertedDelivery insert_delivery(Statements& statements, const Now& now, const NewDelivery& delivery) {
  const api::Webhook* const webhook = delivery.webhook;
  const std::string url =
      webhook == nullptr ? url_of_callback(statements, delivery.task.value()) : webhook->url;
  const bool is_owed = webhook == nullptr || !webhook->disabled;
  const api::DeliveryId id(make_row_id(now.wall));
  std::optional<TaskId> webhook_id;
  if (webhook != nullptr) webhook_id = webhook->id.get();
  std::optional<std::int64_t> body_of;
  if (delivery.body_of) body_of = delivery.body_of->get();

  Query row = statements.use("insert_delivery");
  if (is_owed) {
    row.bind(id.get(), webhook_id, delivery.task, api::to_text(delivery.event), url, body_of,
             api::to_text(api::DeliveryStatus::pending), nullptr, now.steady, now.wall, nullptr);
  } else {
    row.bind(id.get(), webhook_id, delivery.task, api::to_text(delivery.event), url, body_of,
             api::to_text(api::DeliveryStatus::exhausted),
             api::to_text(api::ExhaustedCause::webhook_disabled), nullptr, now.wall, now.wall);
  }
  row.run();
  const api::DeliveryKey key(row.inserted_key());
  if (!body_of) statements.use("insert_delivery_body").bind(key.get(), delivery.body).run();
  if (!is_owed) return {key, std::nullopt};
  if (webhook != nullptr) return {key, owed_to(*webhook, key, id, now.steady)};
  std::string origin = origin_of_url(url);
  return {key, OwedDelivery{key, id, now.steady, origin, origin}};
}

std::vector<OwedDelivery> read_owed_deliveries(Statements& statements,
                                               const std::optional<OwedDelivery>& after, std::size_t limit) {
  const SteadyTime due = after ? after->due : SteadyTime::min();
  const std::int64_t key = after ? after->key.get() : std::numeric_limits<std::int64_t>::min();
  std::vector<OwedDelivery> owed;
  Query query = statements.use("owed_deliveries");
  query.bind(due, key, static_cast<std::int64_t>(limit));
  owed.reserve(limit);
  Places places(statements);
  while (query.row()) {
    const Place& place = places.find(query);
    owed.push_back({api::DeliveryKey(query.integer(0)), api::DeliveryId(query.task_id(1)),
                    query.maybe_steady(2).value_or(SteadyTime::min()), place.endpoint, place.origin});
  }
  return owed;
}

std::optional<api::DeliverySummary> read_delivery(Statements& statements, api::DeliveryKey key,
                                                  const Now& now) {
  Query query = statements.use("delivery_summary");
  if (!query.bind(key.get()).row()) return std::nullopt;
  return read_summary(query, now);
}

std::optional<api::DeliveryDetail> read_delivery_detail(Statements& statements, const api::DeliveryId& id,
                                                        const Now& now) {
  std::optional<api::DeliveryKey> key;
  {
    Query query = statements.use("delivery_to_send");
    if (query.bind(id.get()).row()) key = api::DeliveryKey(query.integer(0));
  }
  if (!key) return std::nullopt;
  api::DeliveryDetail detail{read_delivery(statements, *key, now).value(), {}};
  Query attempts = statements.use("attempts_of_delivery");
  attempts.bind(key->get());
  while (attempts.row()) detail.attempts.push_back(read_attempt(attempts, 0));
  return detail;
}

std::optional<std::vector<api::DeliverySummary>> read_deliveries_of(Statements& statements,
                                                                    const TaskId& task, const Now& now) {
  const auto task_key = key_of(statements, task);
  if (!task_key) return std::nullopt;
  std::vector<api::DeliveryKey> keys;
  {
    Query query = statements.use("keys_of_deliveries_of_task");
    query.bind(*task_key);
    while (query.row()) keys.emplace_back(query.integer(0));
  }
  std::vector<api::DeliverySummary> deliveries;
  deliveries.reserve(keys.size());
  for (const api::DeliveryKey key : keys) deliveries.push_back(read_delivery(statements, key, now).value());
  return deliveries;
}

std::optional<DeliveryPage> read_deliveries_of(Statements& statements, const api::DeliveryQuery& wanted,
                                               const Now& now) {
  if (!read_webhook(statements, wanted.webhook, now)) return std::nullopt;
  DeliveryPage page;
  const std::int64_t before =
      wanted.older_than ? wanted.older_than->get() : std::numeric_limits<std::int64_t>::max();
  std::size_t seen = 0;
  api::DeliveryKey last;
  std::vector<api::DeliveryKey> keys;
  Query query = statements.use("deliveries_of_webhook");
  query.bind(wanted.webhook.get(), before);
  while (query.row()) {
    if (keys.size() == wanted.page_size || seen == rows_in_a_page_scan) {
      page.continue_after = last;
      break;
    }
    ++seen;
    last = api::DeliveryKey(query.integer(0));
    if (!wanted.status || *wanted.status == read_status(query, 1)) keys.push_back(last);
  }
  for (const api::DeliveryKey key : keys)
    page.deliveries.push_back(read_delivery(statements, key, now).value());
  return page;
}

api::DeliveryCounts count_deliveries_of(Statements& statements, TaskKey task) {
  Query query = statements.use("count_deliveries_of_task");
  if (!query.bind(task).row()) return {};
  return {query.integer(0), query.integer(1), query.integer(2)};
}

std::optional<std::string> read_callback_secret(Statements& statements) {
  Query query = statements.use("secret");
  if (!query.bind(callback_secret_name).row()) return std::nullopt;
  return std::string(query.text(0));
}

std::string keep_callback_secret(Statements& statements) {
  if (auto kept = read_callback_secret(statements)) return *std::move(kept);
  statements.use("keep_secret").bind(callback_secret_name, make_secret()).run();
  return read_callback_secret(statements).value();
}

}  // namespace longhaul::storage
