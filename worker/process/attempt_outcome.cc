#include "worker/process/attempt_outcome.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "api/json_reader.h"
#include "api/json_writer.h"
#include "api/task_error.h"
#include "api/utf8.h"

namespace longhaul::worker::process {
namespace {

// As in sysexits.h: EX_DATAERR and EX_TEMPFAIL.
constexpr int exit_fail_for_good = 65;
constexpr int exit_try_later = 75;

AttemptReport report_for(const AttemptOrder& order) {
  AttemptReport report;
  report.key = order.key;
  report.token = order.token;
  return report;
}

AttemptReport failure(AttemptReport report, std::string_view code, std::string message,
                      bool retryable = true) {
  report.error = api::TaskError{std::string(code), std::move(message), {}, report.exit_code, report.signal};
  report.retryable = retryable;
  return report;
}

std::string with_last_line(std::string message, const std::string& last_line) {
  return last_line.empty() ? message : std::move(message) + ": " + last_line;
}

std::string name_of(int signal) {
  const char* name = sigabbrev_np(signal);
  return name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(signal);
}

std::string text_of(int error_number) {
  const char* text = strerrordesc_np(error_number);
  return text != nullptr ? text : "error " + std::to_string(error_number);
}

AttemptReport judge_success(AttemptReport report, const AttemptOrder& order, const ProgramEnd& end) {
  if (end.result_too_large)
    return failure(std::move(report), api::task_error::result_too_large,
                   "the program wrote more than " + std::to_string(order.type->max_result_bytes) +
                       " bytes to stdout (max_result_bytes); results are not cut");
  auto result = make_result(order.type->result, end.output);
  if (!result) return failure(std::move(report), api::task_error::result_invalid, result.error().message);
  report.succeeded = true;
  report.result = std::move(*result);
  return report;
}

AttemptReport judge_exit(AttemptReport report, const AttemptOrder& order, const ProgramEnd& end) {
  const int code = WEXITSTATUS(end.wait_status);
  report.exit_code = code;
  if (code == 0) return judge_success(std::move(report), order, end);
  std::string message = "exit code " + std::to_string(code);
  if (code == exit_fail_for_good) message += " (failed for good)";
  if (code == exit_try_later) message += " (asks to be tried again later)";
  return failure(std::move(report), api::task_error::exit_code,
                 with_last_line(std::move(message), end.last_line), code != exit_fail_for_good);
}

// The soft limit comes as SIGXCPU; who ignores that is killed by the hard limit.
bool over_cpu_limit(const AttemptOrder& order, const ProgramEnd& end, int signal) {
  if (!order.type->cpu_seconds) return false;
  if (signal == SIGXCPU) return true;
  return signal == SIGKILL &&
         end.use.cpu_seconds.value_or(0) >= static_cast<double>(*order.type->cpu_seconds);
}

AttemptReport judge_signal(AttemptReport report, const AttemptOrder& order, const ProgramEnd& end) {
  const int signal = WTERMSIG(end.wait_status);
  report.signal = signal;
  std::string message = "killed by " + name_of(signal);
  if (end.told_to_stop && (signal == SIGTERM || end.killed_by_us)) {
    message += end.killed_by_us ? ": it was told to stop and did not end within its grace period"
                                : " when told to stop";
    return failure(std::move(report), api::task_error::killed_by_signal, std::move(message));
  }
  if (over_cpu_limit(order, end, signal)) {
    message += ": it used more than its cpu_seconds = " + std::to_string(*order.type->cpu_seconds);
    return failure(std::move(report), api::task_error::killed_by_signal, std::move(message));
  }
  if (signal == SIGKILL && end.out_of_memory)
    return failure(std::move(report), api::task_error::out_of_memory,
                   "killed by SIGKILL while the kernel was killing processes because memory had run out");
  return failure(std::move(report), api::task_error::killed_by_signal,
                 with_last_line(std::move(message), end.last_line));
}

bool passes_by_itself(int error_number) {
  switch (error_number) {
    case EAGAIN:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case ETXTBSY:
    case EIO:
    case ESTALE: return true;
    default: return false;
  }
}

// A name without a slash is looked for in the folders of PATH, and folders are passed over there.
bool is_folder(const std::string& program) {
  std::error_code ignored;
  return program.find('/') != std::string::npos && std::filesystem::is_directory(program, ignored);
}

std::string advice_for(const std::string& program, StartStage stage, int error_number) {
  if (stage == StartStage::lookup && error_number == ENOENT)
    return program.find('/') == std::string::npos
               ? ": it is in no folder of the server's PATH; install it, or give its full path in the type's "
                 "command"
               : ": there is no such file; correct the path in the type's command";
  if (stage == StartStage::exec && error_number == ENOENT)
    return ": the file is there, but the interpreter that it names is not; look at its first line (#!)";
  if (error_number == EACCES && is_folder(program)) return ": it is a folder; name a program in it";
  if (error_number == EACCES)
    return ": the server may not execute it; chmod +x, and see to the rights of its folders";
  if (error_number == ENOEXEC) return ": not a program; a script needs a first line like #!/bin/sh";
  if (error_number == E2BIG) return ": its arguments and environment are too long for the system";
  if (error_number == EAGAIN || error_number == ENOMEM)
    return ": the system has no process or memory left for it now (" + text_of(error_number) + ")";
  return ": " + text_of(error_number);
}

}  // namespace

base::Result<api::RawJson> make_result(ResultKind kind, const std::string& output) {
  if (kind == ResultKind::automatic && output.empty()) return api::RawJson{"null"};
  if (kind != ResultKind::text) {
    auto json = api::read_json(output);
    if (json) return std::move(*json);
    if (kind == ResultKind::json) {
      if (output.empty()) return base::fail("stdout is empty, and the type's result is \"json\"");
      return base::fail("stdout is not one JSON value: " + json.error().detail);
    }
  }
  if (!api::is_utf8(output))
    return base::fail("stdout is neither JSON nor UTF-8 text; results are not altered");
  api::JsonWriter writer;
  writer.string(output);
  return api::RawJson{writer.take()};
}

AttemptReport judge_end(const AttemptOrder& order, const ProgramEnd& end) {
  AttemptReport report = report_for(order);
  report.use = end.use;
  return WIFSIGNALED(end.wait_status) ? judge_signal(std::move(report), order, end)
                                      : judge_exit(std::move(report), order, end);
}

AttemptReport judge_failed_start(const AttemptOrder& order, StartStage stage, int error_number) {
  const std::string& program = order.type->command.front();
  const std::string subject = stage == StartStage::shim
                                  ? "no process could be made to supervise '" + program + "'"
                                  : "'" + program + "' could not be started";
  return failed_before_start(order, subject + advice_for(program, stage, error_number),
                             passes_by_itself(error_number));
}

AttemptReport failed_before_start(const AttemptOrder& order, std::string message, bool retryable) {
  return failure(report_for(order), api::task_error::start_failed, std::move(message), retryable);
}

AttemptReport lost(const AttemptOrder& order, std::string message) {
  AttemptReport report = report_for(order);
  report.lost = true;
  return failure(std::move(report), api::task_error::worker_lost, std::move(message));
}

}  // namespace longhaul::worker::process
