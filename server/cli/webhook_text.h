// Webhooks and deliveries for people. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "server/cli/json_object.h"

namespace longhaul::server {

// A block of aligned lines, with the secret when the answer has one.
[[nodiscard]] std::string webhook_text(const JsonObject& webhook);
[[nodiscard]] std::string webhook_table(const std::vector<JsonObject>& webhooks);

// Either shape of a delivery: with its last attempt, or with all of them.
[[nodiscard]] std::string delivery_text(const JsonObject& delivery);
[[nodiscard]] std::string delivery_table(const std::vector<JsonObject>& deliveries);

}  // namespace longhaul::server
