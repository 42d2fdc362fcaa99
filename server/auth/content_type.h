// Bodies are JSON and say so: a form or a text/plain body, which any web page may send without asking, is
// never taken for a request.
#pragma once

#include <optional>

#include "api/problem.h"
#include "server/http/http_server.h"

namespace longhaul::server {

// 415 for a body that is not declared as application/json (parameters allowed, charset only as UTF-8). No
// body, no rule. 415 too for a body in any Content-Encoding but identity.
[[nodiscard]] std::optional<api::Problem> judge_content_type(const Request& request);

}  // namespace longhaul::server
