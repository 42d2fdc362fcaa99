// The reference of all settings (docs/configuration.md), made from their declarations. Pure; any thread.
#pragma once

#include <string>

namespace longhaul::server {

[[nodiscard]] std::string settings_markdown();

}  // namespace longhaul::server
