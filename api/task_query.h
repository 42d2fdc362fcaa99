// What a reader may ask for: filters and page tokens of GET /tasks, and ?wait.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/limits.h"
#include "api/problem.h"
#include "api/query_parameters.h"
#include "api/task.h"

namespace longhaul::api {

struct TaskFilter {
  std::optional<TaskState> state;
  std::optional<std::string> type;
  std::optional<std::string> queue;
  std::vector<std::pair<std::string, std::string>> tags;  // all must match
  std::optional<WallTime> created_after;                  // exclusive
  std::optional<WallTime> created_before;                 // exclusive
};

[[nodiscard]] bool matches(const TaskFilter& filter, const TaskSnapshot& task);

struct TaskQuery {
  TaskFilter filter;
  std::size_t page_size = limits::page_size_default;
  std::optional<TaskId> older_than;  // where the page before this one ended
};

struct TaskPage {
  std::vector<TaskSnapshotPtr> tasks;    // newest first
  std::optional<TaskId> continue_after;  // nothing: this was the end
};

// 422 with every fault. An unknown parameter is a fault; a page token carries its filter's fingerprint, and
// one that was made for another filter is a fault too.
[[nodiscard]] Checked<TaskQuery> parse_task_query(const QueryParameters& parameters);
// The same without pages: what can be watched.
[[nodiscard]] Checked<TaskFilter> parse_task_filter(const QueryParameters& parameters);
[[nodiscard]] std::string make_page_token(const TaskFilter& filter, const TaskId& continue_after);

// ?wait=N: seconds, 0..300, fractions allowed. Absent: 0. Over 300 or not a number: 422.
[[nodiscard]] Checked<Milliseconds> parse_wait(const QueryParameters& parameters);

// ?revision=R: the revision that the reader knows, a whole number of at least 0.
[[nodiscard]] Checked<std::optional<std::int64_t>> parse_revision(const QueryParameters& parameters);

}  // namespace longhaul::api
