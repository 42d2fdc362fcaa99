#include "server/routes/url_judge.h"

#include "worker/webhooks/callback_url.h"

namespace longhaul::server {

api::UrlJudge url_judge(const RouteContext& context) {
  return [&context](const std::string& url) {
    return worker::webhooks::fault_of_url(url, context.callback_guard);
  };
}

}  // namespace longhaul::server
