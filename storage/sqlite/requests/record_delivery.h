// What became of an attempt to deliver. See storage/outbox.h.
#pragma once

#include "storage/outbox.h"
#include "storage/sqlite/write_request.h"

namespace longhaul::storage {

class RecordDeliveryRequest final : public AnsweredRequest<bool> {
 public:
  RecordDeliveryRequest(DeliveryReport report, Done<bool> done)
      : AnsweredRequest(std::move(done)), report_(std::move(report)) {}
  void apply(WriteTransaction& transaction) override;

 private:
  const DeliveryReport report_;
};

}  // namespace longhaul::storage
