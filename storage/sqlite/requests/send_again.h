// Deliveries that somebody asks for: again, or as a test. See storage/outbox.h.
#pragma once

#include "storage/outbox.h"
#include "storage/sqlite/write_request.h"

namespace longhaul::storage {

class RedeliverRequest final : public AnsweredRequest<SendOutcome> {
 public:
  RedeliverRequest(api::DeliveryId id, Done<SendOutcome> done) : AnsweredRequest(std::move(done)), id_(id) {}
  void apply(WriteTransaction& transaction) override;

 private:
  const api::DeliveryId id_;
};

class RecoverRequest final : public AnsweredRequest<RecoverOutcome> {
 public:
  // Made owed, and looked at for that.
  static constexpr std::size_t rows_in_a_slice = 100;
  static constexpr std::int64_t rows_looked_at = 1'000;

  RecoverRequest(RecoverOrder order, Done<RecoverOutcome> done)
      : AnsweredRequest(std::move(done)), order_(std::move(order)) {}
  void apply(WriteTransaction& transaction) override;
  [[nodiscard]] std::size_t changes() const override { return rows_in_a_slice; }

 private:
  const RecoverOrder order_;
};

class SendTestRequest final : public AnsweredRequest<SendOutcome> {
 public:
  SendTestRequest(api::WebhookId webhook, Done<SendOutcome> done)
      : AnsweredRequest(std::move(done)), webhook_(webhook) {}
  void apply(WriteTransaction& transaction) override;
  [[nodiscard]] bool is_start() const override { return true; }

 private:
  const api::WebhookId webhook_;
};

// Of the webhook's tests: all that there are.
void remove_tests(WriteTransaction& transaction, const api::WebhookId& webhook);

}  // namespace longhaul::storage
