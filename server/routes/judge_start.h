// A start request, judged as far as that goes without the store: what the store is asked to make, and how the
// start is to be answered. Any thread.
#pragma once

#include <optional>
#include <string>

#include "api/cache_terms.h"
#include "api/problem.h"
#include "server/http/http_server.h"
#include "server/routes/route.h"
#include "storage/store.h"

namespace longhaul::server {

// How long a start waits for the end of its task, and what it is answered with if that comes first.
struct StartTerms {
  base::Milliseconds wait{0};
  base::BootTime until{};  // when the wait is over
  bool cancels = false;    // the task, when the wait is over or the client has gone; with a wait only
  std::string type;        // with `cache`
  std::optional<api::CacheTerms> cache;  // an old result stands in for a late one
  // Whether the answer is more than what the store says at once.
  [[nodiscard]] bool go_on() const { return wait.count() > 0 || cache; }
};

struct JudgedStart {
  storage::NewTask task;
  StartTerms terms;
};

// Headers (Idempotency-Key, Prefer, traceparent), ?wait and body; 422 lists the faults of all.
[[nodiscard]] api::Checked<JudgedStart> judge_start(const RouteContext& context, const Request& request);

// True when the request may come to wait, as far as its head tells.
[[nodiscard]] bool may_wait(const Request& request);

}  // namespace longhaul::server
