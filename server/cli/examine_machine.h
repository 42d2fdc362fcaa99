// The parts of `longhaul doctor` that look at the machine: which limits can be enforced on it, with which
// libraries the program works. Only looks. Thread-safety: any thread.
#pragma once

#include <vector>

#include "server/cli/health_report.h"
#include "server/config/settings.h"

namespace longhaul::server {

// `settings` may be null: then what they ask for is not compared with what there is.
void examine_limits(const Settings* settings, std::vector<Finding>& findings);
[[nodiscard]] Finding library_versions();

}  // namespace longhaul::server
