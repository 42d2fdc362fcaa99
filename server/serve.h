// The command `serve`: boots the house, says where it listens, waits for SIGTERM or SIGINT, stops it.
#pragma once

#include "server/config/settings.h"

namespace longhaul::server {

// Prints "longhaul is listening on http://ADDRESS:PORT" on stdout once requests are taken. Returns the exit
// code: 0 after a signal, 1 (and the reason on stderr) when the server could not start. A second signal ends
// the process at once. Call it on the main thread before any other thread exists: signals are blocked here
// for all of them.
[[nodiscard]] int serve(const Settings& settings);

}  // namespace longhaul::server
