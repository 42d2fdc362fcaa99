// Tasks as JSON, in the words of the HTTP contract.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/task.h"
#include "api/task_query.h"

namespace longhaul::api {

// Why a queued or scheduled task is not running.
struct WaitingFor {
  std::string_view reason;  // not_due, retry_backoff, no_worker_for_type, queue_concurrency,
                            // type_concurrency, behind_others
  std::string detail;
};

// The status of a task: the answer of GET /task-status/{id}.
[[nodiscard]] std::string status_json(const TaskSnapshot& task, const std::optional<WaitingFor>& waiting_for);
// The same; a result longer than `most_result_bytes` is left out ("result": null), and "result_omitted": true
// says so.
[[nodiscard]] std::string short_status_json(const TaskSnapshot& task,
                                            const std::optional<WaitingFor>& waiting_for,
                                            std::size_t most_result_bytes);
// The same as it is kept for later starts to be answered with: "cache": true and "cached_at", the moment of
// its success.
[[nodiscard]] std::string kept_status_json(const TaskSnapshot& succeeded);

// How a start was answered for.
struct StartAnswer {
  bool deduplicated = false;      // "deduplicated": true, which is absent otherwise
  const RawJson* kept = nullptr;  // a kept status, of which result and cached_at are shown
};
// The same as a start is answered with.
[[nodiscard]] std::string start_json(const TaskSnapshot& task, const std::optional<WaitingFor>& waiting_for,
                                     const StartAnswer& answer);

// The same as webhooks send it: a result over limits::delivered_result_bytes is left out ("result": null) and
// "result_omitted": true says so.
[[nodiscard]] std::string delivered_status_json(const TaskSnapshot& task);
// The status plus payload, attempts and how many deliveries there are by status: GET /tasks/{id}.
[[nodiscard]] std::string detail_json(const TaskDetail& detail, const std::optional<WaitingFor>& waiting_for);
[[nodiscard]] std::string page_json(const TaskPage& page, std::string_view next_page_token);
[[nodiscard]] std::string log_line_json(const LogLine& line);
[[nodiscard]] std::string logs_json(const LogPage& page);

// TaskError to and from the JSON text in which the store keeps it.
[[nodiscard]] std::string error_json(const TaskError& error);
[[nodiscard]] std::optional<TaskError> parse_error_json(std::string_view text);

// `"7"`: the ETag of a revision; and whether an If-None-Match header names it (lists, weak tags and *
// included).
[[nodiscard]] std::string etag_of(std::int64_t revision);
[[nodiscard]] bool etag_matches(std::string_view if_none_match, std::int64_t revision);

}  // namespace longhaul::api
