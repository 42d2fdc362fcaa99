// What users ask of a task: cancel and retry. See storage/store.h.
#pragma once

#include <string>

#include "storage/sqlite/transitions.h"
#include "storage/sqlite/write_request.h"

namespace longhaul::storage {

class CancelRequest final : public AnsweredRequest<CancelOutcome> {
 public:
  CancelRequest(TaskId id, std::string reason, bool only_if_private, Done<CancelOutcome> done)
      : AnsweredRequest(std::move(done)),
        id_(id),
        reason_(std::move(reason)),
        only_if_private_(only_if_private) {}
  void apply(WriteTransaction& transaction) override;

 private:
  const TaskId id_;
  const std::string reason_;  // empty: none
  const bool only_if_private_;
};

class RetryRequest final : public AnsweredRequest<RetryOutcome> {
 public:
  RetryRequest(RetryOrder order, Done<RetryOutcome> done)
      : AnsweredRequest(std::move(done)), order_(std::move(order)) {}
  void apply(WriteTransaction& transaction) override;
  [[nodiscard]] bool is_start() const override { return true; }

 private:
  // What a retry needs of the row.
  struct Kept {
    std::optional<Milliseconds> relative_deadline;
    std::optional<Milliseconds> relative_expiry;
    std::optional<std::string> unique_key;
  };
  [[nodiscard]] static Kept read_kept(WriteTransaction& transaction, TaskKey key);
  [[nodiscard]] Renewal renew(const Now& now, const Kept& kept, const api::TaskSnapshot& task) const;

  const RetryOrder order_;
};

}  // namespace longhaul::storage
