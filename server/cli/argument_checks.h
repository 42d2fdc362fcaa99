// What an argument must look like, checked while the command line is read: each complaint says the real range
// and what was written instead. Pure; one thread.
#pragma once

#include <functional>
#include <string>

namespace longhaul::server {

// The complaint, or nothing.
using ArgumentCheck = std::function<std::string(const std::string&)>;

// A number from 0 to `max_seconds`, fractions allowed.
[[nodiscard]] ArgumentCheck seconds_up_to(double max_seconds);
// A whole number of at least 0.
[[nodiscard]] ArgumentCheck whole_number();
// An id: judged by the server, but never empty.
[[nodiscard]] ArgumentCheck not_empty();

}  // namespace longhaul::server
