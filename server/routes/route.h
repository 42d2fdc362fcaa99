// What a route is, and the one place where routes meet the transport. A route declares what is true of every
// request to it (its size, its query parameters, whether it works before recovery is over), so that its
// handler only does its own job.
//
// Thread-safety: everything in RouteContext may be used from any thread, unless its own header says
// otherwise. Handlers run on the loop's thread and never block: reads that may touch the disk go to
// `readers`.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/limits.h"
#include "base/clock.h"
#include "base/thread_pool.h"
#include "server/http/http_server.h"
#include "server/routes/id_maker.h"
#include "server/routes/open_tasks.h"
#include "server/routes/readiness.h"
#include "server/routes/start_counters.h"
#include "server/streams/event_hub.h"
#include "server/streams/log_hub.h"
#include "server/streams/open_streams.h"
#include "server/streams/wait_hub.h"
#include "storage/store.h"
#include "worker/dispatcher.h"
#include "worker/task_catalog.h"
#include "worker/webhooks/address_guard.h"
#include "worker/webhooks/circuit_board.h"

namespace longhaul::server {

class Metrics;

// What routes work with; owned by the composition, outlives the server's loop.
struct RouteContext {
  HttpServer& server;
  storage::Store& store;
  const worker::TaskCatalog& types;
  worker::Dispatcher& dispatcher;
  base::ThreadPool& readers;
  WaitHub& waiting;
  EventHub& events;
  LogHub& logs;
  OpenStreams& streams;
  OpenTasks& open_tasks;
  IdMaker& ids;
  Readiness& readiness;
  const base::Clock& clock;
  const worker::webhooks::AddressGuard& callback_guard;  // where callbacks and webhooks may lead
  const worker::webhooks::CircuitBoard& circuits;
  const Metrics& metrics;
  StartCounters& start_counters;
  std::string caller;  // whose idempotency keys these are
};

struct Route {
  std::string_view method;
  std::string_view pattern;
  Handler handler;
  // Query parameters that may be given; any other is a 422. Nothing: the handler checks them itself.
  std::optional<std::vector<std::string_view>> parameters = std::vector<std::string_view>{};
  bool takes_body = false;  // else a request with one is a 422: what it says would be ignored
  std::size_t max_body_bytes = api::limits::body_bytes;
  bool works_unready = false;  // a probe: answers in every phase
};

// Registers the routes, and OPTIONS for each of their paths.
void install(HttpServer& server, const Readiness& readiness, const std::vector<Route>& routes);

}  // namespace longhaul::server
