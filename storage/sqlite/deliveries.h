// The rows of the outbox: made with the change they tell of, and read by whoever delivers. The reads belong
// to any one thread with its own Statements, the writes to the writer's. Errors: SqlError; a text in the
// database that is none of ours counts as a corrupt one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/delivery.h"
#include "storage/outbox.h"
#include "storage/sqlite/connection.h"

namespace longhaul::storage {

// Writes what is owed to the callback of `task` for `event`, due at once, with its body.
[[nodiscard]] OwedDelivery insert_delivery(Statements& statements, const Now& now, api::WebhookEvent event,
                                           const api::TaskSnapshot& task);

[[nodiscard]] std::vector<OwedDelivery> read_owed_deliveries(Statements& statements,
                                                             const std::optional<OwedDelivery>& after,
                                                             std::size_t limit);
[[nodiscard]] std::optional<DeliveryContent> read_delivery_content(Statements& statements,
                                                                   api::DeliveryKey key);
[[nodiscard]] std::optional<std::vector<api::DeliverySummary>> read_deliveries_of(Statements& statements,
                                                                                  const TaskId& task,
                                                                                  const Now& now);
[[nodiscard]] api::DeliveryCounts count_deliveries_of(Statements& statements, TaskKey task);

// The secret that is kept; nothing when there is none yet.
[[nodiscard]] std::optional<std::string> read_callback_secret(Statements& statements);
// The same, made when there is none. Writes.
[[nodiscard]] std::string keep_callback_secret(Statements& statements);

}  // namespace longhaul::storage
