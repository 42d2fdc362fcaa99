// Puts the transport together: one thread, one loop, one driver of connections.
#include "server/http/http_server.h"

#include <sys/resource.h>

#include <thread>
#include <utility>

#include "base/log.h"
#include "base/start_thread.h"
#include "server/http/connection_driver.h"
#include "server/http/event_loop.h"
#include "server/http/inbox.h"
#include "server/http/listener.h"
#include "server/http/router.h"

namespace longhaul::server {
namespace {

// Each connection is a descriptor, and the customary soft limit of 1,024 is there for programs that use
// select().
void raise_open_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
    base::log_warning("the limit of open files could not be raised");
}

class EpollHttpServer final : public HttpServer {
 public:
  explicit EpollHttpServer(HttpServerOptions options)
      : options_(with_clock(std::move(options))),
        inbox_(std::make_shared<Inbox>()),
        loop_(*options_.clock, inbox_),
        driver_(options_, loop_, inbox_, router_, listener_) {}
  ~EpollHttpServer() override { stop(); }

  [[nodiscard]] std::string_view name() const override { return "http"; }

  void route(std::string_view method, std::string_view pattern, Handler handler) override {
    router_.add(method, pattern, std::move(handler));
  }
  void set_gate(Gate gate) override { driver_.set_gate(std::move(gate)); }

  [[nodiscard]] base::Result<void> start() override {
    raise_open_file_limit();
    if (auto opened = loop_.open(); !opened) return opened;
    if (auto listening = listener_.open(options_.address, options_.port); !listening) return listening;
    if (auto watched = driver_.open(); !watched) {
      listener_.close();
      return watched;
    }
    router_.freeze();
    auto thread = base::start_thread("http", [this] { loop_.run(driver_); });
    if (!thread) {
      listener_.close();
      return base::fail(thread.error().message);
    }
    thread_ = std::move(*thread);
    return {};
  }

  void stop() override {
    if (!thread_.joinable()) return;
    inbox_->post([this] { driver_.begin_stop(); });
    thread_.join();
    inbox_->close();
  }

  void set_max_body_bytes(std::size_t bytes) override {
    inbox_->post([this, bytes] { driver_.set_max_body_bytes(bytes); });
  }
  void begin_drain() override {
    inbox_->post([this] { driver_.begin_drain(); });
  }

  [[nodiscard]] std::uint16_t port() const override { return listener_.port(); }
  void post(std::function<void()> work) override { inbox_->post(std::move(work)); }
  TimerId call_at(base::BootTime when, std::function<void()> work) override {
    return loop_.call_at(when, std::move(work));
  }
  void cancel_timer(TimerId id) override { loop_.cancel(id); }
  [[nodiscard]] Counters counters() const override { return driver_.counters(); }

 private:
  HttpServerOptions with_clock(HttpServerOptions options) {
    if (options.clock == nullptr) options.clock = &system_clock_;
    return options;
  }

  const base::SystemClock system_clock_;
  const HttpServerOptions options_;
  const std::shared_ptr<Inbox> inbox_;
  EventLoop loop_;
  Router router_;
  Listener listener_;
  ConnectionDriver driver_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<HttpServer> make_http_server(HttpServerOptions options) {
  return std::make_unique<EpollHttpServer>(std::move(options));
}

}  // namespace longhaul::server
