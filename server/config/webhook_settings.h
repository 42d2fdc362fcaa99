// The rows of [webhooks] in the table of settings (setting_table.h). Pure values; any thread.
#pragma once

#include <vector>

#include "server/config/setting_table.h"

namespace longhaul::server {

[[nodiscard]] std::vector<Setting<Settings>> webhook_settings();

}  // namespace longhaul::server
