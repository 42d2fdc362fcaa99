#include "server/composition.h"

#include <utility>

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

std::unique_ptr<worker::Dispatcher> make_local_dispatcher(storage::Store* store,
                                                          const worker::TaskTypes* types,
                                                          const base::Clock* clock) {
  worker::DispatcherOptions options;
  options.store = store;
  options.types = types;
  options.clock = clock;
  return worker::make_dispatcher(std::move(options));
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
      dispatcher_(make_local_dispatcher(store_.get(), &settings_.types, clock_.get())),
      threads_(make_threads(dispatcher_.get(), clock_.get())),
      commands_(make_commands(dispatcher_.get(), clock_.get())),
      readers_({"readers"}),
      open_tasks_(settings_.max_open_tasks),
      server_(make_server(settings_, clock_.get())),
      waiting_(*server_),
      context_{*server_,
               *store_,
               settings_.types,
               *dispatcher_,
               readers_,
               waiting_,
               open_tasks_,
               ids_,
               readiness_,
               *clock_,
               settings_.api_key ? "key" : "anyone"} {
  dispatcher_->set_executors(threads_.get(), commands_.get());
  store_->add_observer(dispatcher_.get());
  store_->add_observer(&open_tasks_);
  store_->add_observer(&waiting_);
  server_->set_gate(make_gate(access_of(settings_)));
  install(*server_, readiness_, all_routes(context_));
}

Composition::~Composition() = default;

base::Result<void> Composition::start() {
  if (auto started = services_.start({store_.get()}); !started) return started;
  open_tasks_.begin_with(store_->counts());
  auto started =
      services_.start({&readers_, server_.get(), threads_.get(), commands_.get(), dispatcher_.get()});
  if (started) readiness_.enter(Readiness::Phase::ready);
  return started;
}

void Composition::stop() {
  readiness_.enter(Readiness::Phase::stopping);
  waiting_.close();
  services_.stop();
}

std::string Composition::url() const {
  return "http://" + to_text(ListenAddress{settings_.listen.address, server_->port()});
}

}  // namespace longhaul::server
