// The `wait` preference of a request: "Prefer: wait=10" (RFC 7240, section 4.3). Pure; any thread.
#pragma once

#include <optional>

#include "base/clock.h"
#include "server/http/http_server.h"

namespace longhaul::server {

// Over all Prefer lines the first `wait` counts; other preferences, parameters and quoted values may stand
// around it. Nothing when there is none, and, as preferences are ignored that cannot be honoured, when it is
// not a whole number of seconds or over limits::wait_seconds_max.
[[nodiscard]] std::optional<base::Milliseconds> preferred_wait(const Headers& headers);

}  // namespace longhaul::server
