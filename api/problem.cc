#include "api/problem.h"

#include <algorithm>
#include <array>

#include "api/json_writer.h"

namespace longhaul::api {
namespace {

using E = ErrorCode;

// In the order of the enum: info() uses a code as an index, and a test holds both to it.
constexpr std::array table = {
    ErrorInfo{E::malformed_request, 400, "MALFORMED_REQUEST", "The request is not well-formed HTTP"},
    ErrorInfo{E::bad_handshake, 400, "BAD_HANDSHAKE", "The WebSocket handshake is not acceptable"},
    ErrorInfo{E::malformed_json, 400, "MALFORMED_JSON", "The body is not acceptable JSON"},
    ErrorInfo{E::unauthorized, 401, "UNAUTHORIZED", "A valid API key is needed"},
    ErrorInfo{E::origin_not_allowed, 403, "ORIGIN_NOT_ALLOWED", "This origin may not call the server"},
    ErrorInfo{E::not_found, 404, "NOT_FOUND", "There is nothing at this path"},
    ErrorInfo{E::task_not_found, 404, "TASK_NOT_FOUND", "There is no such task"},
    ErrorInfo{E::webhook_not_found, 404, "WEBHOOK_NOT_FOUND", "There is no such webhook"},
    ErrorInfo{E::delivery_not_found, 404, "DELIVERY_NOT_FOUND", "There is no such delivery"},
    ErrorInfo{E::method_not_allowed, 405, "METHOD_NOT_ALLOWED", "This path does not take this method"},
    ErrorInfo{E::request_timeout, 408, "REQUEST_TIMEOUT", "The request came too slowly"},
    ErrorInfo{E::task_already_final, 409, "TASK_ALREADY_FINAL", "The task has already ended"},
    ErrorInfo{E::task_not_retryable, 409, "TASK_NOT_RETRYABLE", "The task cannot be retried"},
    ErrorInfo{E::deadline_passed, 409, "DEADLINE_PASSED", "The deadline has passed"},
    ErrorInfo{E::unique_key_taken, 409, "UNIQUE_KEY_TAKEN", "Another task has the unique key"},
    ErrorInfo{E::too_many_webhooks, 409, "TOO_MANY_WEBHOOKS", "No more webhooks can be registered"},
    ErrorInfo{E::too_many_tests, 409, "TOO_MANY_TESTS", "Too many tests of the webhook are under way"},
    ErrorInfo{E::webhook_disabled, 409, "WEBHOOK_DISABLED", "The webhook is disabled"},
    ErrorInfo{E::webhook_removed, 409, "WEBHOOK_REMOVED", "The webhook was removed"},
    ErrorInfo{E::task_gone, 410, "TASK_GONE", "The task of this idempotency key is no longer kept"},
    ErrorInfo{E::body_too_large, 413, "BODY_TOO_LARGE", "The body is too large"},
    ErrorInfo{E::uri_too_long, 414, "URI_TOO_LONG", "The request line is too long"},
    ErrorInfo{E::unsupported_media_type, 415, "UNSUPPORTED_MEDIA_TYPE", "The body must be application/json"},
    ErrorInfo{E::misdirected_request, 421, "MISDIRECTED_REQUEST",
              "This server does not answer for this host"},
    ErrorInfo{E::validation_failed, 422, "VALIDATION_FAILED", "The request is well-formed but wrong"},
    ErrorInfo{E::unknown_task_type, 422, "UNKNOWN_TASK_TYPE", "The server knows no such task type"},
    ErrorInfo{E::idempotency_key_reused, 422, "IDEMPOTENCY_KEY_REUSED",
              "The idempotency key was used with another body"},
    ErrorInfo{E::expectation_failed, 417, "EXPECTATION_FAILED", "The expectation cannot be met"},
    ErrorInfo{E::upgrade_required, 426, "UPGRADE_REQUIRED", "This path speaks WebSocket only"},
    ErrorInfo{E::headers_too_large, 431, "HEADERS_TOO_LARGE", "The headers are too large"},
    ErrorInfo{E::internal_error, 500, "INTERNAL_ERROR", "The server has a bug"},
    ErrorInfo{E::method_not_implemented, 501, "METHOD_NOT_IMPLEMENTED", "The server does not speak this"},
    ErrorInfo{E::queue_full, 503, "QUEUE_FULL", "Too many tasks are open"},
    ErrorInfo{E::overloaded, 503, "OVERLOADED", "The server is overloaded"},
    ErrorInfo{E::storage_full, 503, "STORAGE_FULL", "The storage is full"},
    ErrorInfo{E::not_ready, 503, "NOT_READY", "The server is not ready"},
    ErrorInfo{E::task_timed_out, 504, "TASK_TIMED_OUT", "The task was not done in time and is cancelled"},
    ErrorInfo{E::http_version_not_supported, 505, "HTTP_VERSION_NOT_SUPPORTED",
              "The server speaks HTTP/1.0 and HTTP/1.1"},
};

constexpr bool rows_are_in_enum_order() {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (static_cast<std::size_t>(table[i].code) != i) return false;
  }
  return true;
}
static_assert(rows_are_in_enum_order());

}  // namespace

std::span<const ErrorInfo> error_table() { return table; }

const ErrorInfo& info(ErrorCode code) {
  return table[std::min(static_cast<std::size_t>(code), table.size() - 1)];
}

std::string to_json(const Problem& problem, std::string_view request_id) {
  const ErrorInfo& row = info(problem.code);
  JsonWriter json(256);
  json.begin_object();
  json.key("type").string("urn:longhaul:problem:" + std::string(row.name));
  json.key("title").string(row.title);
  json.key("status").number(std::int64_t{row.status});
  json.key("detail").string(problem.detail);
  json.key("code").string(row.name);
  json.key("request_id").string(request_id);
  if (!problem.errors.empty()) {
    json.key("errors").begin_array();
    for (const FieldError& error : problem.errors) {
      json.begin_object();
      json.key("pointer").string(error.pointer);
      json.key("detail").string(error.detail);
      json.end_object();
    }
    json.end_array();
  }
  if (problem.task_id) json.key("task_id").string(problem.task_id->text());
  if (problem.task_status) json.key("task_status").string(to_text(*problem.task_status));
  json.end_object();
  return json.take();
}

}  // namespace longhaul::api
