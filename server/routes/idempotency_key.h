// The Idempotency-Key header: bare, or quoted as a structured-field string (RFC 9651, section 3.3.3).
#pragma once

#include <optional>
#include <string>

#include "api/problem.h"
#include "base/result.h"
#include "server/http/http_server.h"

namespace longhaul::server {

// The key of a request, without quotes; nothing when there is none; the fault when it cannot be one: not 1 to
// 255 printable ASCII characters, a broken quote, or given twice.
[[nodiscard]] base::Result<std::optional<std::string>, api::FieldError> read_idempotency_key(
    const Request& request);

}  // namespace longhaul::server
