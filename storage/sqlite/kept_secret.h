// The secret that signs callbacks, read from a database file from outside of a server: `longhaul webhooks
// secret`. Only reads, also beside a running server. Thread-safety: any thread. Errors name the file and what to do.
#pragma once

#include <string>

#include "base/result.h"

namespace longhaul::storage {

[[nodiscard]] base::Result<std::string> read_kept_secret(const std::string& path);

}  // namespace longhaul::storage
