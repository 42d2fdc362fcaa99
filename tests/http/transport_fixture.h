// A real server on a free port, with routes that answer in the ways a test may want.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/clock.h"
#include "server/http/http_server.h"
#include "tests/http/raw_client.h"

namespace longhaul::tests {

// Something that one thread says and another waits for, half a minute at most.
class Signal {
 public:
  void set();
  [[nodiscard]] bool wait(std::size_t times = 1);  // until set() was called so often
  [[nodiscard]] std::size_t count() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t count_ = 0;
};

// GET  /hello       {"hello":true}
// GET  /big?bytes=N a body of N bytes
// GET  /park        keeps its responder for the test; /park/:name too
// GET  /drop        lets go of it
// GET  /throw
// GET  /status/:code
// POST /echo        method, path, query, parameters, headers and body of the request, a line each
// POST /twice       answers twice
class Transport {
 public:
  explicit Transport(server::HttpServerOptions options = {}, server::Gate gate = {});
  ~Transport();

  [[nodiscard]] std::uint16_t port() const { return server->port(); }
  [[nodiscard]] RawClient client() const { return RawClient(port()); }

  // The next responder of /park, waited for.
  [[nodiscard]] server::Responder parked();

  // Runs on the loop's thread and returns what it returned.
  template <class Work>
  auto on_loop(Work work) {
    std::optional<decltype(work())> out;
    Signal done;
    server->post([&] {
      out = work();
      done.set();
    });
    if (!done.wait()) throw std::runtime_error("the loop does not run");
    return *out;
  }
  // Waits until the loop has seen enough for this to hold.
  void until(const std::function<bool()>& holds);

  std::unique_ptr<server::HttpServer> server;
  Signal hung_up;  // set by each parked request whose client has gone
  bool running = true;

 private:
  void add_routes();

  std::mutex mutex_;
  Signal has_parked_;
  std::size_t parked_count_ = 0;
  std::vector<server::Responder> parked_;
};

[[nodiscard]] server::Response text_response(int status, std::string body);

}  // namespace longhaul::tests
