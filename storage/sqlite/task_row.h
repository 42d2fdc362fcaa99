// Between rows and the values of api/task.h. Used by the writer and by readers, each with its own Statements.
// Not thread-safe. Errors: SqlError; a text in the database that is none of ours counts as a corrupt one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/task.h"
#include "storage/sqlite/connection.h"

namespace longhaul::storage {

using Tags = std::vector<std::pair<std::string, std::string>>;

// Null: there is no such task.
[[nodiscard]] api::TaskSnapshotPtr read_task(Statements& statements, api::TaskKey key);
[[nodiscard]] std::optional<api::TaskKey> key_of(Statements& statements, const api::TaskId& id);

[[nodiscard]] Tags read_tags(const Query& query, int column);
// Nothing: no tags.
[[nodiscard]] std::optional<std::string> tags_text(const Tags& tags);
[[nodiscard]] std::string_view text_of(api::StopCause cause);
[[nodiscard]] std::optional<std::string> error_text(const std::optional<api::TaskError>& error);
[[nodiscard]] std::optional<api::TaskError> read_error(const Query& query, int column);
[[nodiscard]] api::AttemptOutcome read_outcome(const Query& query, int column);
[[nodiscard]] api::TaskState read_state(const Query& query, int column);

}  // namespace longhaul::storage
