// The house: every long-lived part of the server, built from the settings, started in order and stopped in
// reverse.
//
//   store -> webhooks -> readers -> HTTP server -> executors -> dispatcher -> retention
//
// The HTTP server listens before the dispatcher has recovered, so that probes get an answer; all else is 503
// until then. It stops after the dispatcher: while running tasks are given their grace, tasks can be looked
// at and cancelled, but not started. Webhooks stop last but for the store, so that what they tell of the
// end of those tasks may still go out. Thread-safety: one thread builds, starts and stops. Errors say what to
// do about them.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/service.h"
#include "base/thread_pool.h"
#include "server/config/settings.h"
#include "server/http/http_server.h"
#include "server/metrics/metrics.h"
#include "server/metrics/task_log.h"
#include "server/routes/id_maker.h"
#include "server/routes/open_tasks.h"
#include "server/routes/readiness.h"
#include "server/routes/route.h"
#include "server/routes/start_counters.h"
#include "server/streams/event_hub.h"
#include "server/streams/log_hub.h"
#include "server/streams/open_streams.h"
#include "server/streams/wait_hub.h"
#include "storage/store.h"
#include "worker/dispatcher.h"
#include "worker/executor.h"
#include "worker/retention.h"
#include "worker/task_catalog.h"
#include "worker/webhooks/address_guard.h"
#include "worker/webhooks/circuit_board.h"
#include "worker/webhooks/delivery_service.h"

namespace longhaul::server {

class Composition {
 public:
  // Opens the database; nothing runs yet.
  [[nodiscard]] static base::Result<std::unique_ptr<Composition>> build(const Settings& settings);
  ~Composition();

  // Returns when the server takes requests.
  [[nodiscard]] base::Result<void> start();
  // Takes up what is live of the settings (server/reload.h).
  void reload(const Settings& settings);
  // Takes no new work from now on; all else goes on. `drained` is called once, from another thread, when nothing
  // runs any more; not after stop().
  void drain(std::function<void()> drained);
  // Answers those who wait, then stops everything. Tasks that still run are stopped and taken up again at the
  // next start.
  void stop();

  // Where it listens, with the real port: "http://127.0.0.1:8080". After start().
  [[nodiscard]] std::string url() const;

 private:
  Composition(const Settings& settings, std::unique_ptr<const base::Clock> clock,
              std::unique_ptr<storage::Store> store);

  const Settings settings_;
  const std::unique_ptr<const base::Clock> clock_;
  const std::unique_ptr<storage::Store> store_;
  worker::TaskCatalog types_;
  const std::unique_ptr<worker::Dispatcher> dispatcher_;
  const std::unique_ptr<worker::RetentionService> retention_;
  const std::unique_ptr<worker::Executor> threads_;
  const std::unique_ptr<worker::Executor> commands_;
  base::ThreadPool readers_;
  OpenTasks open_tasks_;
  IdMaker ids_;
  Readiness readiness_;
  const worker::webhooks::AddressGuard callback_guard_;
  worker::webhooks::CircuitBoard circuits_;
  const std::unique_ptr<worker::webhooks::DeliveryService> webhooks_;
  const std::unique_ptr<HttpServer> server_;
  EventHub events_;
  LogHub logs_;
  OpenStreams streams_;
  WaitHub waiting_;
  StartCounters start_counters_;
  const std::unique_ptr<Metrics> metrics_;
  TaskLog task_log_;
  const RouteContext context_;
  base::ServiceList services_;
};

}  // namespace longhaul::server
