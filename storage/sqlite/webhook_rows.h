// The rows of registered webhooks and of their secrets. The reads belong to any one thread with its own Statements, the writes
// to the writer's. Errors: SqlError; a text in the database that is none of ours counts as a corrupt one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/webhook.h"
#include "storage/sqlite/connection.h"
#include "storage/webhooks.h"

namespace longhaul::storage {

// An id that nothing has yet: a UUIDv7 of this moment.
[[nodiscard]] TaskId make_row_id(WallTime now);

// "whsec_" and the base64 of random bytes.
[[nodiscard]] std::string make_secret();

// Oldest first.
[[nodiscard]] std::vector<api::Webhook> read_webhooks(Statements& statements, const Now& now);
[[nodiscard]] std::optional<api::Webhook> read_webhook(Statements& statements, const api::WebhookId& id,
                                                       const Now& now);

void insert_webhook(Statements& statements, const api::Webhook& webhook);
// Writes what a change may change, but for whether it is disabled.
void change_webhook(Statements& statements, const api::Webhook& webhook);
void disable_webhook(Statements& statements, const api::WebhookId& id, const api::Disabled& disabled);

// Makes the secret that signs from now on. The one before signs too, until old_secret_stays have passed.
[[nodiscard]] std::string add_secret(Statements& statements, const api::WebhookId& id, const Now& now);

}  // namespace longhaul::storage
