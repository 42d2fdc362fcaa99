#include "storage/sqlite/deliveries.h"

#include <sqlite3.h>

#include <array>
#include <cstring>
#include <limits>

#include "api/web_url.h"
#include "base/base64.h"
#include "base/random_bytes.h"
#include "storage/sqlite/task_row.h"

namespace longhaul::storage {
namespace {

constexpr std::string_view callback_secret_name = "callback";
constexpr std::string_view secret_prefix = "whsec_";
constexpr std::size_t secret_bytes = 24;

[[noreturn]] void throw_nonsense(const char* what, std::string_view text) {
  throw SqlError(SQLITE_CORRUPT, std::string("the database holds ") + what + " '" + std::string(text) + "'");
}

api::DeliveryId make_delivery_id(WallTime now) {
  struct Random {
    std::uint64_t tail;
    std::uint16_t sequence;
  } random{};
  base::fill_random(std::as_writable_bytes(std::span(&random, 1)));
  return api::DeliveryId(TaskId::make(now.time_since_epoch(), random.sequence, random.tail));
}

// A URL that was taken once and that the rules of today refuse is an origin of its own: whoever delivers it
// will find out, and the task is not to suffer.
std::string origin_of_callback(std::string_view url) {
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

// The columns of deliveries_of_task, in its order.
enum Column : int {
  id,
  event,
  url,
  status,
  attempts,
  created_at,
  due_steady,
  finished_at,
  started_at,
  duration_ms,
  remote_address,
  response_status,
  error,
  response_body
};

std::optional<api::DeliveryAttempt> read_last_attempt(const Query& query) {
  if (query.is_null(Column::started_at)) return std::nullopt;
  api::DeliveryAttempt attempt;
  attempt.started_at = query.wall(Column::started_at);
  attempt.duration = Milliseconds(query.integer(Column::duration_ms));
  attempt.remote_address = query.text(Column::remote_address);
  attempt.response_status = query.maybe_int(Column::response_status);
  attempt.error = query.text(Column::error);
  attempt.response_body = query.text(Column::response_body);
  return attempt;
}

api::DeliverySummary read_summary(const Query& query, const Now& now) {
  api::DeliverySummary summary;
  summary.id = api::DeliveryId(query.task_id(Column::id));
  summary.event = read_event(query, Column::event);
  summary.url = query.text(Column::url);
  summary.status = read_status(query, Column::status);
  summary.attempts = static_cast<int>(query.integer(Column::attempts));
  summary.created_at = query.wall(Column::created_at);
  // By the wall clock as it stands now: the delivery itself waits on the steady one.
  if (const auto due = query.maybe_steady(Column::due_steady))
    summary.next_attempt_at = now.wall + (*due - now.steady);
  summary.finished_at = query.maybe_wall(Column::finished_at);
  summary.last_attempt = read_last_attempt(query);
  return summary;
}

}  // namespace

OwedDelivery insert_delivery(Statements& statements, const Now& now, api::WebhookEvent event,
                             const api::TaskSnapshot& task) {
  Query callback = statements.use("callback_of_task");
  if (!callback.bind(task.key).row()) throw SqlError(SQLITE_CORRUPT, "a task with events and no callback");
  const std::string_view url = callback.text(0);
  OwedDelivery owed{{}, make_delivery_id(now.wall), now.steady, origin_of_callback(url)};

  Query row = statements.use("insert_delivery");
  row.bind(owed.id.get(), task.key, api::to_text(event), url, owed.due, now.wall).run();
  owed.key = api::DeliveryKey(row.inserted_key());
  const std::string body = api::delivery_body(event, now.wall, task);
  statements.use("insert_delivery_body").bind(owed.key.get(), body).run();
  return owed;
}

std::vector<OwedDelivery> read_owed_deliveries(Statements& statements,
                                               const std::optional<OwedDelivery>& after, std::size_t limit) {
  const SteadyTime due = after ? after->due : SteadyTime::min();
  const std::int64_t key = after ? after->key.get() : std::numeric_limits<std::int64_t>::min();
  std::vector<OwedDelivery> owed;
  Query query = statements.use("owed_deliveries");
  query.bind(due, key, static_cast<std::int64_t>(limit));
  while (query.row()) {
    owed.push_back({api::DeliveryKey(query.integer(0)), api::DeliveryId(query.task_id(1)),
                    query.maybe_steady(2).value_or(SteadyTime::min()), origin_of_callback(query.text(3))});
  }
  return owed;
}

std::optional<DeliveryContent> read_delivery_content(Statements& statements, api::DeliveryKey key) {
  Query query = statements.use("delivery_content");
  if (!query.bind(key.get()).row()) return std::nullopt;
  return DeliveryContent{api::DeliveryId(query.task_id(0)), std::string(query.text(1)),
                         std::string(query.text(2)), std::string(query.text(3)),
                         static_cast<int>(query.integer(4))};
}

std::optional<std::vector<api::DeliverySummary>> read_deliveries_of(Statements& statements,
                                                                    const TaskId& task, const Now& now) {
  const auto key = key_of(statements, task);
  if (!key) return std::nullopt;
  std::vector<api::DeliverySummary> deliveries;
  Query query = statements.use("deliveries_of_task");
  query.bind(*key);
  while (query.row()) deliveries.push_back(read_summary(query, now));
  return deliveries;
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
  std::array<std::byte, secret_bytes> bytes{};
  base::fill_random(bytes);
  const std::string made = std::string(secret_prefix) + base::to_base64(bytes);
  statements.use("keep_secret").bind(callback_secret_name, made).run();
  return read_callback_secret(statements).value();
}

}  // namespace longhaul::storage
