// What came of a delivery's turn. See storage/outbox.h.
#pragma once

#include <optional>

#include "storage/outbox.h"
#include "storage/sqlite/write_request.h"

namespace longhaul::storage {

class RecordDeliveryRequest final : public AnsweredRequest<std::optional<DeliveryStanding>> {
 public:
  RecordDeliveryRequest(DeliveryReport report, Done<std::optional<DeliveryStanding>> done)
      : AnsweredRequest(std::move(done)), report_(std::move(report)) {}
  void apply(WriteTransaction& transaction) override;

 private:
  struct Row {
    std::int64_t attempts = 0;
    int round = 0;
    std::optional<SteadyTime> due;
    std::optional<api::WebhookId> webhook;
    std::int64_t generation = 0;  // of the webhook
  };
  [[nodiscard]] std::optional<Row> read_row(WriteTransaction& transaction) const;
  // Asked for again, or its webhook began anew, since this turn of it began.
  [[nodiscard]] bool is_outdated(const Row& row) const {
    return report_.round != row.round || report_.generation != row.generation;
  }
  void note_attempt(WriteTransaction& transaction, const Row& row) const;
  // Whether its webhook works, and since when it does not. Something: it is disabled by this.
  [[nodiscard]] std::optional<DisabledWebhook> judge_webhook(WriteTransaction& transaction,
                                                             const api::WebhookId& webhook) const;

  const DeliveryReport report_;
};

}  // namespace longhaul::storage
