// The rows of the outbox: made with the change they tell of, and read by whoever delivers. The reads belong
// to any one thread with its own Statements, the writes to the writer's. Errors: SqlError; a text in the
// database that is none of ours counts as a corrupt one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/delivery.h"
#include "storage/outbox.h"
#include "storage/sqlite/connection.h"

namespace longhaul::storage {

struct NewDelivery {
  api::WebhookEvent event = api::WebhookEvent::task_succeeded;
  std::optional<TaskKey> task;            // nothing: a test of the webhook
  const api::Webhook* webhook = nullptr;  // null: to the callback of the task
  std::string_view body;
  std::optional<api::DeliveryKey> body_of{};  // another of the same event, which has the body already
};
struct InsertedDelivery {
  api::DeliveryKey key;
  std::optional<OwedDelivery> owed;  // nothing: the webhook is disabled
};
// Writes a delivery, due at once.
[[nodiscard]] InsertedDelivery insert_delivery(Statements& statements, const Now& now,
                                               const NewDelivery& delivery);
// As it is told to whoever delivers.
[[nodiscard]] OwedDelivery owed_to(const api::Webhook& webhook, api::DeliveryKey key, api::DeliveryId id,
                                   SteadyTime due);
[[nodiscard]] MovedEndpoint moved(const api::Webhook& webhook);

[[nodiscard]] std::vector<OwedDelivery> read_owed_deliveries(Statements& statements,
                                                             const std::optional<OwedDelivery>& after,
                                                             std::size_t limit);
[[nodiscard]] std::optional<api::DeliverySummary> read_delivery(Statements& statements, api::DeliveryKey key,
                                                                const Now& now);
[[nodiscard]] std::optional<api::DeliveryDetail> read_delivery_detail(Statements& statements,
                                                                      const api::DeliveryId& id,
                                                                      const Now& now);
[[nodiscard]] std::optional<DeliveryPage> read_deliveries_of(Statements& statements,
                                                             const api::DeliveryQuery& query, const Now& now);
[[nodiscard]] std::optional<std::vector<api::DeliverySummary>> read_deliveries_of(Statements& statements,
                                                                                  const TaskId& task,
                                                                                  const Now& now);
[[nodiscard]] api::DeliveryCounts count_deliveries_of(Statements& statements, TaskKey task);

// The secret that is kept; nothing when there is none yet.
[[nodiscard]] std::optional<std::string> read_callback_secret(Statements& statements);
// The same, made when there is none. Writes.
[[nodiscard]] std::string keep_callback_secret(Statements& statements);

}  // namespace longhaul::storage
