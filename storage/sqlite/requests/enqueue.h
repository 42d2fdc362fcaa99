// A start: creates a task, or answers with what is there already. See storage/store.h.
#pragma once

#include "storage/sqlite/write_request.h"

namespace longhaul::storage {

class EnqueueRequest final : public AnsweredRequest<EnqueueOutcome> {
 public:
  EnqueueRequest(NewTask task, Done<EnqueueOutcome> done)
      : AnsweredRequest(std::move(done)), task_(std::move(task)) {}
  void apply(WriteTransaction& transaction) override;
  [[nodiscard]] std::size_t bytes() const override { return task_.payload.text.size(); }
  [[nodiscard]] bool is_start() const override { return true; }

 private:
  // Each in its turn; nothing: the next one judges.
  [[nodiscard]] std::optional<EnqueueOutcome> find_bound(WriteTransaction& transaction) const;
  [[nodiscard]] std::optional<EnqueueOutcome> find_fresh(WriteTransaction& transaction) const;
  [[nodiscard]] std::optional<EnqueueOutcome> find_same(WriteTransaction& transaction) const;

  const NewTask task_;
};

}  // namespace longhaul::storage
