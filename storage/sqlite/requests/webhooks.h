// Changes of registered webhooks. See storage/webhooks.h.
#pragma once

#include <optional>

#include "storage/sqlite/write_request.h"
#include "storage/webhooks.h"

namespace longhaul::storage {

class CreateWebhookRequest final : public AnsweredRequest<std::optional<WebhookWithSecret>> {
 public:
  CreateWebhookRequest(NewWebhook webhook, Done<std::optional<WebhookWithSecret>> done)
      : AnsweredRequest(std::move(done)), webhook_(std::move(webhook)) {}
  void apply(WriteTransaction& transaction) override;
  [[nodiscard]] bool is_start() const override { return true; }

 private:
  const NewWebhook webhook_;
};

class ChangeWebhookRequest final : public AnsweredRequest<std::optional<api::Webhook>> {
 public:
  ChangeWebhookRequest(api::WebhookId id, api::WebhookChange change, Done<std::optional<api::Webhook>> done)
      : AnsweredRequest(std::move(done)), id_(id), change_(std::move(change)) {}
  void apply(WriteTransaction& transaction) override;

 private:
  const api::WebhookId id_;
  const api::WebhookChange change_;
};

class RemoveWebhookRequest final : public AnsweredRequest<bool> {
 public:
  RemoveWebhookRequest(api::WebhookId id, Done<bool> done) : AnsweredRequest(std::move(done)), id_(id) {}
  void apply(WriteTransaction& transaction) override;

 private:
  const api::WebhookId id_;
};

class RotateSecretRequest final : public AnsweredRequest<std::optional<WebhookWithSecret>> {
 public:
  RotateSecretRequest(api::WebhookId id, Done<std::optional<WebhookWithSecret>> done)
      : AnsweredRequest(std::move(done)), id_(id) {}
  void apply(WriteTransaction& transaction) override;

 private:
  const api::WebhookId id_;
};

}  // namespace longhaul::storage
