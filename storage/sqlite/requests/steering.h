// What users ask of a task: cancel and retry. See storage/store.h.
#pragma once

#include <string>

#include "storage/sqlite/transitions.h"
#include "storage/sqlite/write_request.h"

namespace longhaul::storage {

class CancelRequest final : public AnsweredRequest<CancelOutcome> {
 public:
  CancelRequest(TaskId id, std::string reason, Done<CancelOutcome> done)
      : AnsweredRequest(std::move(done)), id_(id), reason_(std::move(reason)) {}
  void apply(WriteTransaction& transaction) override;

 private:
  const TaskId id_;
  const std::string reason_;  // empty: none
};

class RetryRequest final : public AnsweredRequest<RetryOutcome> {
 public:
  RetryRequest(RetryOrder order, Done<RetryOutcome> done)
      : AnsweredRequest(std::move(done)), order_(std::move(order)) {}
  void apply(WriteTransaction& transaction) override;
  [[nodiscard]] bool is_start() const override { return true; }

 private:
  [[nodiscard]] Renewal renew(WriteTransaction& transaction, const api::TaskSnapshot& task) const;

  const RetryOrder order_;
};

}  // namespace longhaul::storage
