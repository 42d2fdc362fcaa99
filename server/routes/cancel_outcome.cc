#include "server/routes/cancel_outcome.h"

#include "server/routes/answers.h"

namespace longhaul::server {

std::optional<api::Problem> refusal_of(const storage::StoreResult<storage::CancelOutcome>& outcome) {
  if (!outcome) return to_problem(outcome.error());
  if (outcome->verdict == storage::CancelVerdict::unknown) return task_not_found_problem();
  if (outcome->verdict != storage::CancelVerdict::already_final) return std::nullopt;
  return task_problem(api::ErrorCode::task_already_final, "The task was over before it could be cancelled.",
                      *outcome->task);
}

}  // namespace longhaul::server
