// The queries behind the store's reads. Each runs within a read transaction of its caller and is short: lists
// look at no more than `rows_in_a_page_scan` rows for a page, however little they find. Not thread-safe: one
// Statements, one thread. Errors: SqlError.
#pragma once

#include <optional>
#include <vector>

#include "storage/sqlite/connection.h"
#include "storage/store.h"

namespace longhaul::storage {

inline constexpr std::size_t rows_in_a_page_scan = 20'000;

[[nodiscard]] TaskSnapshotPtr read_task_by_id(Statements& statements, const TaskId& id);
[[nodiscard]] std::optional<api::TaskDetail> read_detail(Statements& statements, const TaskId& id);
[[nodiscard]] std::optional<api::LogPage> read_logs(Statements& statements, const TaskId& id,
                                                    std::int64_t after, std::size_t limit);
[[nodiscard]] api::TaskPage read_page(Statements& statements, const api::TaskQuery& query);
[[nodiscard]] std::vector<OpenAttempt> read_open_attempts(Statements& statements);
[[nodiscard]] std::vector<ReadyLane> read_ready_lanes(Statements& statements);

}  // namespace longhaul::storage
