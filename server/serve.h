// The command `serve`: boots the house, says where it listens, waits for SIGTERM or SIGINT, drains and stops it.
// SIGHUP has it look at its settings again.
#pragma once

#include <functional>

#include "base/result.h"
#include "server/config/settings.h"

namespace longhaul::server {

// Prints "longhaul is listening on http://ADDRESS:PORT" on stdout once requests are taken. Returns the exit
// code: 0 after a signal, 1 (and the reason on stderr) when the server could not start.
//
// The first SIGTERM or SIGINT begins the drain: starts are refused, what runs may end within the setting `drain`,
// all else is answered. With nothing running any more, with the time over, or with the second signal the server
// stops: what still runs is told to, gets its grace, and is put back. From then on a further signal ends the process at
// once.
//
// Call it on the main thread before any other thread exists: signals are blocked here for all of them.
using LoadSettings = std::function<base::Result<Settings>()>;
[[nodiscard]] int serve(const Settings& settings, const LoadSettings& load_again);

}  // namespace longhaul::server
