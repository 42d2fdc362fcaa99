// What came of deliveries' turns. See storage/outbox.h.
#pragma once

#include <optional>
#include <vector>

#include "storage/outbox.h"
#include "storage/sqlite/write_request.h"

namespace longhaul::storage {

class RecordDeliveriesRequest final : public AnsweredRequest<std::vector<std::optional<DeliveryStanding>>> {
 public:
  RecordDeliveriesRequest(std::vector<DeliveryReport> reports,
                          Done<std::vector<std::optional<DeliveryStanding>>> done)
      : AnsweredRequest(std::move(done)), reports_(std::move(reports)) {}
  void apply(WriteTransaction& transaction) override;
  [[nodiscard]] std::size_t changes() const override { return reports_.size(); }
  [[nodiscard]] std::size_t bytes() const override;

 private:
  const std::vector<DeliveryReport> reports_;
};

}  // namespace longhaul::storage
