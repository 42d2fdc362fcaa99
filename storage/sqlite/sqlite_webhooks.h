// The registered webhooks of the embedded engine: the store's queue and readers, asked about them. Everything is promised in
// storage/webhooks.h. Not owned: queue, readers.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "storage/sqlite/reader_pool.h"
#include "storage/sqlite/requests/webhooks.h"
#include "storage/sqlite/webhook_rows.h"
#include "storage/sqlite/write_queue.h"
#include "storage/webhooks.h"

namespace longhaul::storage {

class SqliteWebhooks final : public Webhooks {
 public:
  struct Parts {
    WriteQueue* queue = nullptr;
    ReaderPool* readers = nullptr;
    std::function<Now()> now;
  };
  explicit SqliteWebhooks(Parts parts) : parts_(std::move(parts)) {}

  void create(NewWebhook webhook, Done<std::optional<WebhookWithSecret>> done) override {
    push<CreateWebhookRequest>(std::move(webhook), std::move(done));
  }
  void change(api::WebhookId id, api::WebhookChange change, Done<std::optional<api::Webhook>> done) override {
    push<ChangeWebhookRequest>(id, std::move(change), std::move(done));
  }
  void remove(api::WebhookId id, Done<bool> done) override {
    push<RemoveWebhookRequest>(id, std::move(done));
  }
  void rotate_secret(api::WebhookId id, Done<std::optional<WebhookWithSecret>> done) override {
    push<RotateSecretRequest>(id, std::move(done));
  }
  [[nodiscard]] StoreResult<std::vector<api::Webhook>> list() override {
    return parts_.readers->read<std::vector<api::Webhook>>(
        [&](Statements& sql) { return read_webhooks(sql, parts_.now()); });
  }
  [[nodiscard]] StoreResult<std::optional<api::Webhook>> find(const api::WebhookId& id) override {
    return parts_.readers->read<std::optional<api::Webhook>>(
        [&](Statements& sql) { return read_webhook(sql, id, parts_.now()); });
  }

 private:
  template <class Request, class... Values>
  void push(Values&&... values) {
    parts_.queue->push(Lane::control, std::make_unique<Request>(std::forward<Values>(values)...));
  }
  const Parts parts_;
};

}  // namespace longhaul::storage
