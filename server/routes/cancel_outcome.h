// What a cancel came to, as its callers are told, whichever way they asked. Any thread.
#pragma once

#include <optional>

#include "api/problem.h"
#include "storage/store.h"

namespace longhaul::server {

// Why nothing was cancelled; nothing when the outcome's task is cancelled, or about to be.
[[nodiscard]] std::optional<api::Problem> refusal_of(
    const storage::StoreResult<storage::CancelOutcome>& outcome);

}  // namespace longhaul::server
