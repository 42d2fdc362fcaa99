#include "storage/sqlite/requests/webhooks.h"

#include "api/limits.h"
#include "storage/sqlite/deliveries.h"
#include "storage/sqlite/requests/send_again.h"
#include "storage/sqlite/webhook_rows.h"

namespace longhaul::storage {
namespace {

std::int64_t count_webhooks(WriteTransaction& transaction) {
  Query query = transaction.use("count_webhooks");
  return query.bind().row() ? query.integer(0) : 0;
}

}  // namespace

void CreateWebhookRequest::apply(WriteTransaction& transaction) {
  outcome_.reset();
  if (count_webhooks(transaction) >= static_cast<std::int64_t>(api::limits::webhooks)) return;
  const Now now = transaction.now();
  api::Webhook webhook;
  webhook.id = api::WebhookId(make_row_id(now.wall));
  webhook.url = webhook_.url;
  webhook.filter = webhook_.filter;
  webhook.description = webhook_.description;
  webhook.created_at = now.wall;
  insert_webhook(transaction.statements(), webhook);
  transaction.webhooks().note_change();
  std::string secret = add_secret(transaction.statements(), webhook.id, now);
  outcome_ = WebhookWithSecret{std::move(webhook), std::move(secret)};
}

void ChangeWebhookRequest::apply(WriteTransaction& transaction) {
  const Now now = transaction.now();
  outcome_ = read_webhook(transaction.statements(), id_, now);
  if (!outcome_) return;
  api::Webhook webhook = *outcome_;
  if (change_.url) webhook.url = *change_.url;
  if (change_.events) webhook.filter.events = *change_.events;
  if (change_.types) webhook.filter.types = *change_.types;
  if (change_.queues) webhook.filter.queues = *change_.queues;
  if (change_.description) webhook.description = *change_.description;
  change_webhook(transaction.statements(), webhook);
  const bool is_enabled_now = webhook.disabled && change_.disabled == false;
  if (is_enabled_now || webhook.url != outcome_->url) {
    // Another URL does not enable it.
    const auto disabled = is_enabled_now ? std::nullopt : webhook.disabled;
    transaction.use("webhook_began_anew").bind(id_.get()).run_guarded();
    if (disabled) disable_webhook(transaction.statements(), id_, *disabled);
    transaction.note_moved(moved(webhook));
  }
  if (!webhook.disabled && change_.disabled == true)
    disable_webhook(transaction.statements(), id_, {api::DisabledCause::request, now.wall, std::nullopt});
  transaction.webhooks().note_change();
  outcome_ = read_webhook(transaction.statements(), id_, now);
}

void RemoveWebhookRequest::apply(WriteTransaction& transaction) {
  outcome_ = read_webhook(transaction.statements(), id_, transaction.now()).has_value();
  if (!outcome_) return;
  remove_tests(transaction, id_);
  transaction.use("delete_secrets").bind(id_.get()).run();
  transaction.use("delete_webhook").bind(id_.get()).run_guarded();
  transaction.webhooks().note_change();
}

void RotateSecretRequest::apply(WriteTransaction& transaction) {
  outcome_.reset();
  const Now now = transaction.now();
  if (!read_webhook(transaction.statements(), id_, now)) return;
  std::string secret = add_secret(transaction.statements(), id_, now);
  transaction.webhooks().note_change();
  outcome_ = WebhookWithSecret{read_webhook(transaction.statements(), id_, now).value(), std::move(secret)};
}

}  // namespace longhaul::storage
