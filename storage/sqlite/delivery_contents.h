// What deliveries send: bodies, and where to. See storage/outbox.h.
#pragma once

#include <optional>
#include <vector>

#include "storage/outbox.h"
#include "storage/sqlite/connection.h"

namespace longhaul::storage {

// In the order of the keys. Nothing: not pending any more, or gone.
[[nodiscard]] std::vector<std::optional<DeliveryContent>> read_delivery_contents(
    Statements& statements, const std::vector<api::DeliveryKey>& keys, const Now& now);

}  // namespace longhaul::storage
