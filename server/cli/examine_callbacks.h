// The part of `longhaul doctor` that looks at callbacks: where they may lead, what signs them, whom they trust.
// Only looks; shows no secret. Thread-safety: any thread.
#pragma once

#include <vector>

#include "server/cli/health_report.h"
#include "server/config/settings.h"

namespace longhaul::server {

void examine_callbacks(const Settings& settings, std::vector<Finding>& findings);

}  // namespace longhaul::server
