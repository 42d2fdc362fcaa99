#include "server/composition.h"

#include <algorithm>

#include <utility>

#include "base/log.h"
#include "server/auth/gate.h"
#include "server/config/listen_address.h"
#include "server/routes/routes.h"
#include "storage/sqlite/sqlite_store.h"
#include "worker/process/command_executor.h"
#include "worker/thread_executor.h"

namespace longhaul::server {

namespace {

std::unique_ptr<worker::Executor> make_threads(worker::AttemptSink* sink, const base::Clock* clock) {
  worker::ThreadExecutorOptions options;
  options.functions = worker::builtin_functions();
  options.sink = sink;
  options.clock = clock;
  return worker::make_thread_executor(std::move(options));
}

std::unique_ptr<worker::Executor> make_commands(worker::AttemptSink* sink, const base::Clock* clock) {
  worker::CommandExecutorOptions options;
  options.sink = sink;
  options.clock = clock;
  return worker::make_command_executor(std::move(options));
}

std::unique_ptr<HttpServer> make_server(const Settings& settings, const base::Clock* clock) {
  HttpServerOptions options;
  options.address = settings.listen.address;
  options.port = settings.listen.port;
  options.clock = clock;
  options.max_body_bytes = greatest_body_bytes(settings.types);
  return make_http_server(std::move(options));
}

std::unique_ptr<worker::Dispatcher> make_local_dispatcher(storage::Store* store, worker::TaskTypesPtr types,
                                                          const base::Clock* clock) {
  worker::DispatcherOptions options;
  options.store = store;
  options.types = std::move(types);
  options.clock = clock;
  return worker::make_dispatcher(std::move(options));
}

storage::RetentionLimits retention_limits(const Settings& settings) {
  storage::RetentionLimits limits;
  // In the order of storage::final_states.
  limits.keep = {settings.keep_succeeded, settings.keep_failed, settings.keep_cancelled,
                 settings.keep_timed_out};
  limits.max_bytes = settings.max_database_bytes;
  return limits;
}

std::unique_ptr<worker::RetentionService> make_retention_of(const Settings& settings, storage::Store* store,
                                                            const base::Clock* clock) {
  worker::RetentionOptions options;
  options.store = store;
  options.limits = retention_limits(settings);
  options.clock = clock;
  return worker::make_retention(options);
}

worker::webhooks::AddressGuard::Options guard_options(const Settings& settings) {
  worker::webhooks::AddressGuard::Options options;
  for (const std::string& range : settings.allow_addresses)
    options.allow_addresses.push_back(worker::webhooks::AddressRange::parse(range).value());
  options.allow_ports = settings.allow_ports;
  return options;
}

std::unique_ptr<worker::webhooks::DeliveryService> make_deliveries(
    const Settings& settings, storage::Store* store, const worker::webhooks::AddressGuard* guard,
    worker::webhooks::CircuitBoard* circuits, const base::Clock* clock) {
  worker::webhooks::DeliveryOptions options;
  options.outbox = &store->outbox();
  options.clock = clock;
  options.guard = guard;
  options.secret = settings.callback_secret;
  options.retries = settings.webhook_retries;
  options.timeout = settings.webhook_timeout;
  options.ca_file = settings.webhook_ca_file;
  options.disable_after = settings.webhook_disable_after;
  options.circuits = circuits;
  const auto in_all = static_cast<std::size_t>(settings.webhooks_in_flight);
  const auto by_host = std::min(in_all, static_cast<std::size_t>(settings.webhooks_in_flight_per_host));
  options.limits.under_way = in_all;
  options.limits.under_way_by_host = by_host;
  options.limits.under_way_by_endpoint = std::max<std::size_t>(1, by_host / 2);
  return worker::webhooks::make_delivery_service(std::move(options));
}

AccessOptions access_of(const Settings& settings) {
  return {is_loopback(settings.listen.address), settings.allowed_hosts, settings.allowed_origins,
          settings.api_key};
}

}  // namespace

base::Result<std::unique_ptr<Composition>> Composition::build(const Settings& settings) {
  auto clock = std::make_unique<const base::SystemClock>();
  storage::SqliteOptions options;
  options.path = settings.database;
  options.min_free_bytes = static_cast<std::uint64_t>(settings.min_free_disk_mb) * 1024 * 1024;
  options.max_cache_bytes = settings.max_cache_bytes;
  options.clock = clock.get();
  auto store = storage::open_sqlite_store(options);
  if (!store) return base::fail(store.error().message);
  return std::unique_ptr<Composition>(new Composition(settings, std::move(clock), std::move(store).value()));
}

Composition::Composition(const Settings& settings, std::unique_ptr<const base::Clock> clock,
                         std::unique_ptr<storage::Store> store)
    : settings_(settings),
      clock_(std::move(clock)),
      store_(std::move(store)),
      types_(settings_.types),
      dispatcher_(make_local_dispatcher(store_.get(), types_.current(), clock_.get())),
      retention_(make_retention_of(settings_, store_.get(), clock_.get())),
      threads_(make_threads(dispatcher_.get(), clock_.get())),
      commands_(make_commands(dispatcher_.get(), clock_.get())),
      readers_({"readers"}),
      open_tasks_(settings_.max_open_tasks),
      callback_guard_(guard_options(settings_)),
      webhooks_(make_deliveries(settings_, store_.get(), &callback_guard_, &circuits_, clock_.get())),
      server_(make_server(settings_, clock_.get())),
      events_(
          *server_, [this](const api::TaskSnapshot& task) { return dispatcher_->explain(task); },
          static_cast<std::size_t>(settings_.kept_events)),
      logs_(*server_, *store_, readers_),
      streams_(*server_),
      waiting_(*server_, events_),
      metrics_(make_metrics({store_.get(), server_.get(), &waiting_, &events_, &streams_, &start_counters_,
                             &open_tasks_, &readiness_, &circuits_, threads_.get(), commands_.get(),
                             clock_.get(), &settings_.types})),
      task_log_(*clock_),
      context_{*server_,
               *store_,
               types_,
               *dispatcher_,
               readers_,
               waiting_,
               events_,
               logs_,
               streams_,
               open_tasks_,
               ids_,
               readiness_,
               *clock_,
               callback_guard_,
               circuits_,
               *metrics_,
               start_counters_,
               settings_.api_key ? "key" : "anyone"} {
  dispatcher_->set_executors(threads_.get(), commands_.get());
  // Before the dispatcher: when that says that nothing runs any more, whoever watches has been told of the end.
  store_->add_observer(&events_);
  store_->add_observer(dispatcher_.get());
  store_->add_observer(retention_.get());
  store_->add_observer(webhooks_.get());
  store_->add_observer(&open_tasks_);
  store_->add_observer(&logs_);
  store_->add_observer(metrics_.get());
  store_->add_observer(&task_log_);
  server_->set_gate(make_gate(access_of(settings_)));
  install(*server_, readiness_, all_routes(context_));
}

Composition::~Composition() = default;

base::Result<void> Composition::start() {
  if (auto started = services_.start({store_.get()}); !started) return started;
  open_tasks_.begin_with(store_->counts());
  auto started = services_.start({webhooks_.get(), &readers_, server_.get(), threads_.get(), commands_.get(),
                                  dispatcher_.get(), retention_.get()});
  if (started) {
    readiness_.enter(Readiness::Phase::ready);
    base::log_info("the server takes requests", {{"url", url()}, {"version", LONGHAUL_VERSION}});
  }
  return started;
}

void Composition::reload(const Settings& settings) {
  base::set_log_format(settings.log_format);
  base::set_log_level(settings.log_level);
  server_->set_max_body_bytes(greatest_body_bytes(settings.types));
  open_tasks_.set_max(settings.max_open_tasks);
  store_->result_cache().set_max_cache_bytes(settings.max_cache_bytes);
  retention_->set_limits(retention_limits(settings));  // and with that a round, which removes what is over
  events_.set_max_events(static_cast<std::size_t>(settings.kept_events));
  // The dispatcher first: a task of a new type then comes to one that knows it.
  const auto types = std::make_shared<const worker::TaskTypes>(settings.types);
  dispatcher_->change_types(types);
  types_.replace(types);
}

void Composition::drain(std::function<void()> drained) {
  readiness_.enter(Readiness::Phase::stopping);
  server_->begin_drain();
  dispatcher_->drain(std::move(drained));
}

void Composition::stop() {
  readiness_.enter(Readiness::Phase::stopping);
  waiting_.close();
  streams_.close();
  services_.stop();
}

std::string Composition::url() const {
  return "http://" + to_text(ListenAddress{settings_.listen.address, server_->port()});
}

}  // namespace longhaul::server
