// Tasks whose deadline or expiry has passed. Belongs to the writer's thread; errors as in transitions.h.
#pragma once

#include <optional>

#include "storage/sqlite/write_transaction.h"

namespace longhaul::storage {

// True when `due` is now or was before, on its own timeline.
[[nodiscard]] bool has_passed(const std::optional<api::Due>& due, const Now& now);

// Ends a waiting task, or asks a running one to stop, when its time is over. Null: nothing to do.
TaskSnapshotPtr end_if_overdue(WriteTransaction& transaction, const api::TaskSnapshot& task);

}  // namespace longhaul::storage
