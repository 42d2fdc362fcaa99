// Reads a file or stdin whole, within a limit: whatever it is (a folder, a device without end), what comes
// back is its text or one sentence. Blocks as long as its writer does. One thread.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace longhaul::server {

// "-" is stdin. Errors: cannot be opened or read, or has more than `limit_bytes`.
[[nodiscard]] base::Result<std::string> read_input(const std::string& path, std::size_t limit_bytes);

}  // namespace longhaul::server
