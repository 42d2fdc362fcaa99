// Registered webhooks and their secrets. Part of the store (Store::webhooks()); every engine has it. What they are owed is
// the outbox's (storage/outbox.h): a change of a task writes a delivery for each webhook that wants it, in the same
// transaction.
//
// To a webhook that is disabled nothing is sent. What it would have been told is written down all the same, as given up, so
// that recover() (outbox.h) can send it once the webhook is enabled again.
//
// Thread-safety, errors, callbacks: as storage/store.h says.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/webhook.h"
#include "storage/store_types.h"

namespace longhaul::storage {

struct NewWebhook {
  std::string url;
  api::WebhookFilter filter;
  std::string description;
};

// A webhook with the secret that signs for it from now on: handed out once, when it was made.
struct WebhookWithSecret {
  api::Webhook webhook;
  std::string secret;  // "whsec_..."
};

// How long a secret signs on, beside the one that took its place.
inline constexpr Milliseconds old_secret_stays = std::chrono::hours(24);

class Webhooks {
 public:
  virtual ~Webhooks() = default;

  // ---- writes
  // Nothing: there are limits::webhooks of them.
  virtual void create(NewWebhook webhook, Done<std::optional<WebhookWithSecret>> done) = 0;
  // Nothing: unknown. Enabling one, and another URL, let it begin anew: its failures so far are forgotten.
  virtual void change(api::WebhookId id, api::WebhookChange change,
                      Done<std::optional<api::Webhook>> done) = 0;
  // False: unknown. What it is owed is given up as it falls due; the records stay with their tasks.
  virtual void remove(api::WebhookId id, Done<bool> done) = 0;
  // Nothing: unknown.
  virtual void rotate_secret(api::WebhookId id, Done<std::optional<WebhookWithSecret>> done) = 0;

  // ---- reads
  // Oldest first.
  [[nodiscard]] virtual StoreResult<std::vector<api::Webhook>> list() = 0;
  // Nothing: unknown.
  [[nodiscard]] virtual StoreResult<std::optional<api::Webhook>> find(const api::WebhookId& id) = 0;
};

}  // namespace longhaul::storage
