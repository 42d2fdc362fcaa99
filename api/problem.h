// Problems: every refusal that leaves the server, as RFC 9457 problem details with one closed list of codes.
// One table maps each code to its HTTP status and title; a test proves it complete and equal to openapi.json.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/task_id.h"
#include "api/task_state.h"
#include "base/result.h"

namespace longhaul::api {

enum class ErrorCode : std::uint8_t {
  malformed_request,           // 400 the HTTP itself
  bad_handshake,               // 400 of a WebSocket
  malformed_json,              // 400 not JSON, not UTF-8, too deep, a member twice
  unauthorized,                // 401
  origin_not_allowed,          // 403
  not_found,                   // 404 no such path
  task_not_found,              // 404
  webhook_not_found,           // 404
  delivery_not_found,          // 404
  method_not_allowed,          // 405
  request_timeout,             // 408
  task_already_final,          // 409
  task_not_retryable,          // 409 retry of a task that is not final, or succeeded
  deadline_passed,             // 409 retry past its own deadline_at
  unique_key_taken,            // 409 retry while another unfinished task has its unique_key
  too_many_webhooks,           // 409
  too_many_tests,              // 409 of one webhook, that are under way
  webhook_disabled,            // 409 nothing is sent to it
  webhook_removed,             // 409 a delivery whose webhook is no more
  task_gone,                   // 410 idempotent replay of a task past its retention
  body_too_large,              // 413
  uri_too_long,                // 414
  unsupported_media_type,      // 415
  misdirected_request,         // 421 Host
  validation_failed,           // 422
  unknown_task_type,           // 422
  idempotency_key_reused,      // 422
  expectation_failed,          // 417
  upgrade_required,            // 426 WebSocket only
  headers_too_large,           // 431
  internal_error,              // 500
  method_not_implemented,      // 501 transfer codings we do not speak
  queue_full,                  // 503 max_open_tasks
  overloaded,                  // 503 lanes, body budget, connections
  storage_full,                // 503 disk
  not_ready,                   // 503 recovering or draining
  task_timed_out,              // 504 a start with on_timeout: cancel whose wait ended first
  http_version_not_supported,  // 505
};

struct ErrorInfo {
  ErrorCode code;
  int status;
  std::string_view name;  // UPPER_SNAKE
  std::string_view title;
};
[[nodiscard]] std::span<const ErrorInfo> error_table();
[[nodiscard]] const ErrorInfo& info(ErrorCode code);

// One fault of a request, at a JSON pointer in URI fragment form ("#/timeout_seconds"), or "?page_size" for a
// query parameter, or "Idempotency-Key" for a header.
struct FieldError {
  std::string pointer;
  std::string detail;
};

struct Problem {
  ErrorCode code = ErrorCode::internal_error;
  std::string detail;
  std::vector<FieldError> errors;
  std::optional<TaskId> task_id;
  std::optional<TaskState> task_status;
  std::vector<std::pair<std::string, std::string>> headers;  // Allow, Retry-After, WWW-Authenticate...
};

template <class T>
using Checked = base::Result<T, Problem>;

[[nodiscard]] inline base::Failure<Problem> refuse(Problem problem) { return {std::move(problem)}; }
[[nodiscard]] inline base::Failure<Problem> refuse(ErrorCode code, std::string detail) {
  return {Problem{code, std::move(detail), {}, {}, {}, {}}};
}

// The body: {"type","title","status","detail","code","request_id",...}.
[[nodiscard]] std::string to_json(const Problem& problem, std::string_view request_id);

}  // namespace longhaul::api
