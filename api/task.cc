#include "api/task.h"

namespace longhaul::api {

std::string_view to_text(AttemptOutcome outcome) {
  switch (outcome) {
    case AttemptOutcome::running: return "running";
    case AttemptOutcome::succeeded: return "succeeded";
    case AttemptOutcome::failed: return "failed";
    case AttemptOutcome::timed_out: return "timed_out";
    case AttemptOutcome::cancelled: return "cancelled";
    case AttemptOutcome::lost: return "lost";
    case AttemptOutcome::released: return "released";
  }
  return "failed";
}

}  // namespace longhaul::api
