#include "storage/sqlite/task_errors.h"

#include <string_view>

#include "api/task_error.h"

namespace longhaul::storage {
namespace {

namespace codes = api::task_error;
using api::TaskError;

TaskError make(std::string_view code, std::string_view message) {
  TaskError error;
  error.code = code;
  error.message = message;
  return error;
}

TaskError timeout_error() {
  return make(codes::attempt_timed_out, "the attempt ran longer than its timeout allows");
}

}  // namespace

TaskError cancelled_error(const std::optional<std::string>& reason) {
  TaskError error = make(codes::cancelled, "cancelled on request");
  error.reason = reason;
  return error;
}

TaskError deadline_error() { return make(codes::deadline_exceeded, "the deadline of the task has passed"); }

TaskError expiry_error() {
  return make(codes::expired_before_start, "the task expired before its first attempt could start");
}

TaskError stopped_error(const api::TaskSnapshot& cancelling) {
  switch (cancelling.stop_cause.value_or(api::StopCause::cancel)) {
    case api::StopCause::cancel: return cancelled_error(cancelling.stop_reason);
    case api::StopCause::deadline: return deadline_error();
    case api::StopCause::timeout: return timeout_error();
  }
  return cancelled_error(cancelling.stop_reason);
}

TaskError error_of(const AttemptEnd& end) {
  if (end.error) return *end.error;
  switch (end.outcome) {
    case api::AttemptOutcome::timed_out: return timeout_error();
    case api::AttemptOutcome::lost:
      return make(codes::worker_lost, "the worker was lost in the middle of the attempt");
    default: break;
  }
  if (end.signal) return make(codes::killed_by_signal, "ended by a signal");
  if (end.exit_code) return make(codes::exit_code, "ended with an exit code that is no success");
  return make(codes::task_exception, "failed without saying why");
}

}  // namespace longhaul::storage
