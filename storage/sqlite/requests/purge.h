// A slice of the removal of what is past its time. See storage/retention.h.
//
// A round goes through its stages in order: tasks by age, one stage for each final state; idempotency keys;
// results kept for starts to come; tasks by the size of the database; then the file gives back what it does
// not need. A slice goes on where the one before stopped, also behind tasks that were held back, so that none
// is looked at twice in a round.
#pragma once

#include <optional>
#include <vector>

#include "base/clock.h"
#include "storage/retention.h"
#include "storage/sqlite/purge.h"
#include "storage/sqlite/write_request.h"

namespace longhaul::storage {

class PurgeRequest final : public AnsweredRequest<PurgeOutcome> {
 public:
  PurgeRequest(PurgeOrder order, const base::Clock& clock, Done<PurgeOutcome> done)
      : AnsweredRequest(std::move(done)), order_(order), clock_(clock) {}
  void apply(WriteTransaction& transaction) override;
  // At the end of a round the file is cut to what it needs.
  [[nodiscard]] bool wants_checkpoint() const override { return !outcome_.position && gave_space_back_; }

 private:
  // Each is true when its stage is done, false when the budget is.
  [[nodiscard]] bool run_stage(WriteTransaction& transaction, PurgeBudget& budget);
  [[nodiscard]] bool purge_by_age(WriteTransaction& transaction, PurgeBudget& budget);
  [[nodiscard]] bool purge_keys(WriteTransaction& transaction, PurgeBudget& budget);
  [[nodiscard]] bool purge_results(WriteTransaction& transaction, PurgeBudget& budget);
  [[nodiscard]] bool purge_by_size(WriteTransaction& transaction, PurgeBudget& budget);
  [[nodiscard]] bool shrink_file(WriteTransaction& transaction, PurgeBudget& budget);
  // These, in order, until one needs another slice.
  [[nodiscard]] bool purge_tasks(WriteTransaction& transaction, const std::vector<FinishedTask>& tasks,
                                 PurgeBudget& budget);
  // The oldest of all final states.
  [[nodiscard]] std::vector<FinishedTask> read_oldest(WriteTransaction& transaction) const;
  [[nodiscard]] FinishedRange range_of(TaskState state, WallTime until) const;
  [[nodiscard]] std::optional<WallTime> next_due(WriteTransaction& transaction) const;

  const PurgeOrder order_;
  const base::Clock& clock_;
  PurgePosition at_;
  bool gave_space_back_ = false;
};

}  // namespace longhaul::storage
