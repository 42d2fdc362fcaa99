// The outbox of the embedded engine: the store's queue and readers, asked about deliveries. Everything is
// promised in storage/outbox.h. Not owned: queue, readers.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "storage/outbox.h"
#include "storage/sqlite/deliveries.h"
#include "storage/sqlite/delivery_contents.h"
#include "storage/sqlite/reader_pool.h"
#include "storage/sqlite/requests/record_deliveries.h"
#include "storage/sqlite/requests/send_again.h"
#include "storage/sqlite/write_queue.h"

namespace longhaul::storage {

class SqliteOutbox final : public Outbox {
 public:
  struct Parts {
    WriteQueue* queue = nullptr;
    ReaderPool* readers = nullptr;
    std::function<Now()> now;
    std::string callback_secret;
  };
  explicit SqliteOutbox(Parts parts) : parts_(std::move(parts)) {}

  void record_deliveries(std::vector<DeliveryReport> reports,
                         Done<std::vector<std::optional<DeliveryStanding>>> done) override {
    parts_.queue->push(Lane::work,
                       std::make_unique<RecordDeliveriesRequest>(std::move(reports), std::move(done)));
  }
  void redeliver(api::DeliveryId id, Done<SendOutcome> done) override {
    parts_.queue->push(Lane::control, std::make_unique<RedeliverRequest>(id, std::move(done)));
  }
  void recover(RecoverOrder order, Done<RecoverOutcome> done) override {
    parts_.queue->push(Lane::control, std::make_unique<RecoverRequest>(std::move(order), std::move(done)));
  }
  void send_test(api::WebhookId webhook, Done<SendOutcome> done) override {
    parts_.queue->push(Lane::control, std::make_unique<SendTestRequest>(webhook, std::move(done)));
  }
  [[nodiscard]] StoreResult<std::vector<OwedDelivery>> owed_deliveries(
      const std::optional<OwedDelivery>& after, std::size_t limit) override {
    return parts_.readers->read<std::vector<OwedDelivery>>(
        [&](Statements& sql) { return read_owed_deliveries(sql, after, limit); });
  }
  [[nodiscard]] StoreResult<std::vector<std::optional<DeliveryContent>>> find_deliveries(
      const std::vector<api::DeliveryKey>& keys) override {
    return parts_.readers->read<std::vector<std::optional<DeliveryContent>>>(
        [&](Statements& sql) { return read_delivery_contents(sql, keys, now()); });
  }
  [[nodiscard]] StoreResult<std::optional<std::vector<api::DeliverySummary>>> deliveries_of(
      const TaskId& task) override {
    return parts_.readers->read<std::optional<std::vector<api::DeliverySummary>>>(
        [&](Statements& sql) { return read_deliveries_of(sql, task, now()); });
  }
  [[nodiscard]] StoreResult<std::optional<DeliveryPage>> deliveries_of(
      const api::DeliveryQuery& query) override {
    return parts_.readers->read<std::optional<DeliveryPage>>(
        [&](Statements& sql) { return read_deliveries_of(sql, query, now()); });
  }
  [[nodiscard]] StoreResult<std::optional<api::DeliveryDetail>> find_detail(
      const api::DeliveryId& id) override {
    return parts_.readers->read<std::optional<api::DeliveryDetail>>(
        [&](Statements& sql) { return read_delivery_detail(sql, id, now()); });
  }
  [[nodiscard]] const std::string& callback_secret() const override { return parts_.callback_secret; }
  [[nodiscard]] Now now() const override { return parts_.now(); }

 private:
  const Parts parts_;
};

}  // namespace longhaul::storage
