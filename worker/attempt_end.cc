#include "worker/attempt_end.h"

#include <string>
#include <string_view>
#include <utility>

#include "api/task_error.h"

namespace longhaul::worker {
namespace {

using api::AttemptOutcome;

api::TaskError make_error(std::string_view code, std::string message) {
  api::TaskError error;
  error.code = code;
  error.message = std::move(message);
  return error;
}

AttemptOutcome outcome_of(const Attempt& attempt, const AttemptReport& report) {
  switch (attempt.phase) {
    case AttemptPhase::timing_out: return AttemptOutcome::timed_out;
    case AttemptPhase::releasing:
      return report.succeeded && attempt.type->kind == TaskKind::builtin ? AttemptOutcome::succeeded
                                                                         : AttemptOutcome::released;
    case AttemptPhase::cancelling:
      if (report.succeeded) return AttemptOutcome::succeeded;
      return attempt.stop_cause == api::StopCause::cancel ? AttemptOutcome::cancelled
                                                          : AttemptOutcome::timed_out;
    case AttemptPhase::claimed:
    case AttemptPhase::running:
    case AttemptPhase::last_timeout:
    case AttemptPhase::ending: break;
  }
  if (report.succeeded) return AttemptOutcome::succeeded;
  return report.lost ? AttemptOutcome::lost : AttemptOutcome::failed;
}

std::optional<api::TaskError> error_of(AttemptOutcome outcome, AttemptReport& report) {
  std::optional<api::TaskError> error;
  switch (outcome) {
    case AttemptOutcome::succeeded:
    case AttemptOutcome::running:
    case AttemptOutcome::cancelled:
    case AttemptOutcome::timed_out: return std::nullopt;
    case AttemptOutcome::released:
      return make_error(api::task_error::worker_lost,
                        "given back: the server was stopped while this attempt ran");
    case AttemptOutcome::lost:
      error = std::move(report.error);
      if (!error) error = make_error(api::task_error::worker_lost, "what ran this attempt has died");
      break;
    case AttemptOutcome::failed:
      error = std::move(report.error);
      if (!error)
        error = make_error(api::task_error::task_exception, "the attempt failed and did not say why");
      break;
  }
  if (!error->exit_code) error->exit_code = report.exit_code;
  if (!error->signal) error->signal = report.signal;
  return error;
}

}  // namespace

storage::AttemptEnd end_of(const Attempt& attempt, AttemptReport report, base::Milliseconds backoff) {
  storage::AttemptEnd end;
  end.key = attempt.key;
  end.token = attempt.token;
  end.outcome = outcome_of(attempt, report);
  end.error = error_of(end.outcome, report);
  if (end.outcome == AttemptOutcome::succeeded) {
    end.result = report.result ? std::move(report.result) : api::RawJson{"null"};
  }
  end.retryable = end.outcome != AttemptOutcome::failed || report.retryable;
  end.backoff = backoff;
  end.exit_code = report.exit_code;
  end.signal = report.signal;
  end.use = report.use;
  return end;
}

storage::AttemptEnd end_unbegun(const Attempt& attempt) {
  storage::AttemptEnd end;
  end.key = attempt.key;
  end.token = attempt.token;
  AttemptReport nothing;
  const bool cancelled = attempt.phase == AttemptPhase::cancelling;
  end.outcome = cancelled ? outcome_of(attempt, nothing) : AttemptOutcome::released;
  end.error = error_of(end.outcome, nothing);
  return end;
}

storage::AttemptEnd end_lost(const api::TaskSnapshot& task, base::Milliseconds backoff) {
  storage::AttemptEnd end;
  end.key = task.key;
  end.token = task.token;
  end.outcome = AttemptOutcome::lost;
  end.error = make_error(api::task_error::worker_lost, "the server stopped while this attempt ran");
  end.backoff = backoff;
  return end;
}

}  // namespace longhaul::worker
