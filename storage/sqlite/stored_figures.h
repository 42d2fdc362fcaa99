// Reads storage::StoredFigures, in a bounded number of steps.
//
// Belongs to the thread of the connection. Errors: SqlError.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/figures.h"
#include "storage/sqlite/connection.h"

namespace longhaul::storage {

[[nodiscard]] StoredFigures read_stored_figures(Statements& statements,
                                                const std::vector<std::string>& queues);

// Looks at each of them; once, at start.
[[nodiscard]] std::int64_t count_owed_deliveries(Statements& statements);

}  // namespace longhaul::storage
