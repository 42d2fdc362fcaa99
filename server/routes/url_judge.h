// Where webhooks may lead, as far as the text of a URL tells: a name is judged when a connection is made.
#pragma once

#include "api/web_url.h"
#include "server/routes/route.h"

namespace longhaul::server {

// The context must outlive it.
[[nodiscard]] api::UrlJudge url_judge(const RouteContext& context);

}  // namespace longhaul::server
