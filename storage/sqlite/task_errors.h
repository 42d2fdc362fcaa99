// The errors that the store itself gives to tasks and attempts, and its words for them. Pure.
#pragma once

#include <optional>
#include <string>

#include "api/task.h"
#include "storage/store.h"

namespace longhaul::storage {

[[nodiscard]] api::TaskError cancelled_error(const std::optional<std::string>& reason);
[[nodiscard]] api::TaskError deadline_error();
[[nodiscard]] api::TaskError expiry_error();
// Why a task ended that was told to stop: by the cause that came first.
[[nodiscard]] api::TaskError stopped_error(const api::TaskSnapshot& cancelling);
// The error an attempt of a running task came with; one by its outcome where it came with none.
[[nodiscard]] api::TaskError error_of(const api::TaskSnapshot& task, const AttemptEnd& end);

}  // namespace longhaul::storage
