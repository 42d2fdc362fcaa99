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

std::string in_seconds(api::Milliseconds duration) {
  std::string text = std::to_string(duration.count() / 1000);
  std::string fraction = std::to_string(duration.count() % 1000 + 1000).substr(1);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return fraction.empty() ? text + " s" : text + "." + fraction + " s";
}

TaskError timeout_error(const api::TaskSnapshot& task) {
  std::string message = "the attempt took longer than its limit";
  if (task.timeout) message += " of " + in_seconds(*task.timeout);
  return make(codes::attempt_timed_out, message);
}

TaskError error_by_outcome(const api::TaskSnapshot& task, const AttemptEnd& end) {
  switch (end.outcome) {
    case api::AttemptOutcome::timed_out: return timeout_error(task);
    case api::AttemptOutcome::lost:
      return make(codes::worker_lost, "the worker was lost in the middle of the attempt");
    default: break;
  }
  if (end.signal) return make(codes::killed_by_signal, "ended by a signal");
  if (end.exit_code) return make(codes::exit_code, "ended with an exit code that is no success");
  return make(codes::task_exception, "failed without saying why");
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
    case api::StopCause::timeout: return timeout_error(cancelling);
  }
  return cancelled_error(cancelling.stop_reason);
}

TaskError error_of(const api::TaskSnapshot& task, const AttemptEnd& end) {
  if (end.error) return *end.error;
  TaskError error = error_by_outcome(task, end);
  error.exit_code = end.exit_code;
  error.signal = end.signal;
  return error;
}

}  // namespace longhaul::storage
