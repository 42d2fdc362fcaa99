// The text of GET /metrics, and what is counted for it. What each metric means is said in docs/metrics.md.
//
// Counted as it happens: what commits tell (task_meters.h). All else is read when somebody asks, and costs
// nothing until then.
//
// Thread-safety: observer calls on the store's writer thread; text() from any thread that may block on a short
// read of the database. Ownership: what `parts` name must outlive it.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "server/http/http_server.h"
#include "server/routes/open_tasks.h"
#include "server/routes/readiness.h"
#include "server/routes/start_counters.h"
#include "server/streams/event_hub.h"
#include "server/streams/open_streams.h"
#include "server/streams/wait_hub.h"
#include "storage/store.h"
#include "worker/executor.h"
#include "worker/task_type.h"
#include "worker/webhooks/circuit_board.h"

namespace longhaul::server {

struct MetricsParts {
  storage::Store* store = nullptr;
  const HttpServer* server = nullptr;
  const WaitHub* waiting = nullptr;
  const EventHub* events = nullptr;
  const OpenStreams* streams = nullptr;
  const StartCounters* starts = nullptr;
  const OpenTasks* open_tasks = nullptr;
  const Readiness* readiness = nullptr;
  const worker::webhooks::CircuitBoard* circuits = nullptr;
  const worker::Executor* threads = nullptr;
  const worker::Executor* commands = nullptr;
  const base::Clock* clock = nullptr;
  const worker::TaskTypes* types = nullptr;  // at the start; not looked at again
};

class Metrics : public storage::StoreObserver {
 public:
  // Prometheus text 0.0.4. Without what only the database knows when that cannot be read.
  [[nodiscard]] virtual std::string text() const = 0;
  static constexpr const char* content_type = "text/plain; version=0.0.4; charset=utf-8";
};

[[nodiscard]] std::unique_ptr<Metrics> make_metrics(const MetricsParts& parts);

}  // namespace longhaul::server
