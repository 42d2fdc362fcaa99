#include "storage/sqlite/webhook_rows.h"

#include <sqlite3.h>

#include <array>
#include <span>
#include <string_view>

#include "api/limits.h"
#include "base/base64.h"
#include "base/random_bytes.h"

namespace longhaul::storage {
namespace {

constexpr std::string_view secret_prefix = "whsec_";
constexpr std::size_t secret_bytes = 24;

// The columns of all_webhooks and webhook, in their order.
enum Column : int {
  id,
  url,
  events,
  types,
  queues,
  description,
  created_at,
  failing_steady,
  disabled_cause,
  disabled_at,
  failed_for_ms,
  old_secret_until
};

std::vector<std::string> read_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

std::string lines_of(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    if (!text.empty()) text += '\n';
    text += name;
  }
  return text;
}

std::optional<std::int64_t> bits_of(const std::optional<api::WebhookEvents>& events) {
  if (!events) return std::nullopt;
  return std::int64_t{events->bits()};
}

std::optional<api::Disabled> read_disabled(const Query& query) {
  if (query.is_null(Column::disabled_cause)) return std::nullopt;
  const auto cause = api::parse_disabled_cause(query.text(Column::disabled_cause));
  if (!cause)
    throw SqlError(SQLITE_CORRUPT, "the database holds a cause to disable a webhook that is none: " +
                                       std::string(query.text(Column::disabled_cause)));
  api::Disabled disabled{*cause, query.wall(Column::disabled_at), std::nullopt};
  if (const auto length = query.maybe_integer(Column::failed_for_ms))
    disabled.failed_for = Milliseconds(*length);
  return disabled;
}

api::Webhook read_row(const Query& query, const Now& now) {
  api::Webhook webhook;
  webhook.id = api::WebhookId(query.task_id(Column::id));
  webhook.url = query.text(Column::url);
  webhook.filter.events.reset();
  if (const auto bits = query.maybe_integer(Column::events))
    webhook.filter.events = api::WebhookEvents::from_bits(static_cast<std::uint32_t>(*bits));
  webhook.filter.types = read_lines(query.text(Column::types));
  webhook.filter.queues = read_lines(query.text(Column::queues));
  webhook.description = query.text(Column::description);
  webhook.created_at = query.wall(Column::created_at);
  webhook.disabled = read_disabled(query);
  // By the wall clock as it stands now: what is enforced is on the steady one.
  if (const auto since = query.maybe_steady(Column::failing_steady))
    webhook.failing_since = now.wall - (now.steady - *since);
  if (const auto until = query.maybe_steady(Column::old_secret_until); until && *until > now.steady)
    webhook.old_secret_until = now.wall + (*until - now.steady);
  return webhook;
}

}  // namespace

TaskId make_row_id(WallTime now) {
  struct Random {
    std::uint64_t tail;
    std::uint16_t sequence;
  } random{};
  base::fill_random(std::as_writable_bytes(std::span(&random, 1)));
  return TaskId::make(now.time_since_epoch(), random.sequence, random.tail);
}

std::string make_secret() {
  std::array<std::byte, secret_bytes> bytes{};
  base::fill_random(bytes);
  return std::string(secret_prefix) + base::to_base64(bytes);
}

std::vector<api::Webhook> read_webhooks(Statements& statements, const Now& now) {
  std::vector<api::Webhook> webhooks;
  Query query = statements.use("all_webhooks");
  query.bind();
  while (query.row()) webhooks.push_back(read_row(query, now));
  return webhooks;
}

std::optional<api::Webhook> read_webhook(Statements& statements, const api::WebhookId& id, const Now& now) {
  Query query = statements.use("webhook");
  if (!query.bind(id.get()).row()) return std::nullopt;
  return read_row(query, now);
}

void insert_webhook(Statements& statements, const api::Webhook& webhook) {
  const std::string types = lines_of(webhook.filter.types);
  const std::string queues = lines_of(webhook.filter.queues);
  statements.use("insert_webhook")
      .bind(webhook.id.get(), webhook.url, bits_of(webhook.filter.events), types, queues, webhook.description,
            webhook.created_at)
      .run();
}

void change_webhook(Statements& statements, const api::Webhook& webhook) {
  const std::string types = lines_of(webhook.filter.types);
  const std::string queues = lines_of(webhook.filter.queues);
  statements.use("change_webhook")
      .bind(webhook.url, bits_of(webhook.filter.events), types, queues, webhook.description, webhook.id.get())
      .run_guarded();
}

void disable_webhook(Statements& statements, const api::WebhookId& id, const api::Disabled& disabled) {
  statements.use("disable_webhook")
      .bind(api::to_text(disabled.cause), disabled.at, disabled.failed_for, id.get())
      .run_guarded();
}

std::string add_secret(Statements& statements, const api::WebhookId& id, const Now& now) {
  std::int64_t newest = 0;
  {
    Query query = statements.use("newest_secret");
    if (query.bind(id.get()).row()) newest = query.integer(0);
  }
  if (newest > 0)
    statements.use("secret_signs_until").bind(now.steady + old_secret_stays, id.get(), newest).run();
  const std::int64_t too_old = newest + 1 - static_cast<std::int64_t>(api::limits::webhook_secrets);
  statements.use("delete_old_secrets").bind(id.get(), now.steady, too_old).run();
  std::string secret = make_secret();
  statements.use("insert_secret").bind(id.get(), newest + 1, secret).run();
  return secret;
}

}  // namespace longhaul::storage
