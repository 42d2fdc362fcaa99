// What an argument must look like, for CLI11 to check while it reads: each complaint says the real range and
// what was written instead. Pure; one thread.
#pragma once

#include <string>

namespace CLI {
class Validator;
}

namespace longhaul::server {

// A number from 0 to `max_seconds`, fractions allowed.
[[nodiscard]] CLI::Validator seconds_up_to(double max_seconds);
// A whole number of at least 0.
[[nodiscard]] CLI::Validator whole_number();
// An id: judged by the server, but never empty.
[[nodiscard]] CLI::Validator not_empty();

}  // namespace longhaul::server
