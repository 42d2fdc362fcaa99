// The transport: an epoll loop under cpp-httplib's parser and router. A connection holds no thread: a handler
// gets a request and a Responder, returns at once, and the answer may be given later from any thread.
//
// stop() cuts nobody: who has sent a request, or a part of one, is answered, each within 5 s; only connections
// with nothing on their way are closed at once. Streams must have been finished by those who serve them.
//
// Thread-safety: route() and set_gate() before start(); set_max_body_bytes(), begin_drain(), post(), counters() and
// Responder from any thread. Handlers run on the loop's thread and must not block.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/limits.h"
#include "api/problem.h"
#include "api/task_id.h"
#include "base/clock.h"
#include "base/service.h"
#include "server/http/stream.h"

namespace longhaul::server {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;
  std::string path;                                                  // decoded
  std::string target;                                                // as it came
  Headers headers;                                                   // in order, names as they came
  std::vector<std::pair<std::string, std::string>> query;            // decoded, in order
  std::vector<std::pair<std::string, std::string>> path_parameters;  // of ":name" patterns
  std::string body;
  std::string request_id;
  std::string peer;       // address of the client
  int minor_version = 1;  // of HTTP/1.x
  // Keeps the body counted in bodies_in_flight_bytes for as long as any copy of the request lives. Null
  // without a body.
  std::shared_ptr<const void> body_lease;

  // First header of that name, ignoring case; null when absent.
  [[nodiscard]] const std::string* find_header(std::string_view name) const;
  [[nodiscard]] std::string_view path_parameter(std::string_view name) const;  // empty when absent
};

struct Response {
  int status = 200;
  Headers headers;  // Content-Length, Date, Connection and X-Request-Id are added by the transport
  std::string body;
  std::string content_type = "application/json";  // not sent with an empty body
  std::optional<api::TaskId> task_id;             // whom it speaks of: for the log, not sent
};

// Answers one request, exactly once; a second answer is dropped. Copies name the same request. May outlive
// the connection and the server: then answering does nothing. If the last copy goes without an answer, the
// client gets a 500.
class Responder {
 public:
  struct Shared;
  explicit Responder(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  void send(Response response) const;
  void send(const api::Problem& problem) const;
  // An answer that goes on: `head` with status 200, whose body ends with the connection, or with status 101 and
  // its Upgrade header. Its own body is not sent.
  void stream(Response head, std::shared_ptr<StreamHandler> handler) const;
  [[nodiscard]] bool answered() const;
  // Called once, on the loop's thread, if the client hangs up before the answer; a client that has only ended its
  // side still gets it. At most one; set it in the handler. With one set, a client that ends its side is sent
  // "100 Continue", which costs it nothing if it is there, and tells if it is not.
  void on_hang_up(std::function<void()> callback) const;
  [[nodiscard]] const std::string& request_id() const;

 private:
  std::shared_ptr<Shared> shared_;
};

using Handler = std::function<void(const Request&, Responder)>;
// Looks at a request once its headers are read, before its body: an answer refuses it. May also add headers
// to the final answer (CORS) through `extra`.
using Gate = std::function<std::optional<api::Problem>(const Request&, Headers& extra)>;

struct HttpServerOptions {
  std::string address = "127.0.0.1";   // numeric, v4 or v6
  std::uint16_t port = 8080;           // 0: any free one, see port()
  const base::Clock* clock = nullptr;  // not owned
  std::size_t max_connections = api::limits::connections;
  std::size_t max_body_bytes =
      api::limits::body_bytes;  // the greatest any path takes; handlers may refuse less
  std::size_t bodies_in_flight_bytes = api::limits::bodies_in_flight_bytes;
  base::Nanoseconds head_time = api::limits::head_time;
  base::Nanoseconds body_time = api::limits::body_time;
  base::Nanoseconds idle_time = api::limits::idle_time;
};

// Whatever a client calls its method, these are told apart.
enum class HttpMethod : std::uint8_t { get, head, post, put, patch, del, options, other };
inline constexpr std::size_t http_method_count = 8;
inline constexpr std::array<std::string_view, http_method_count> http_method_names = {
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"};
inline constexpr std::size_t status_class_count = 5;  // 1xx to 5xx
// Answers by method and class of status.
using AnswerCounts = std::array<std::array<std::int64_t, status_class_count>, http_method_count>;

class HttpServer : public base::Service {
 public:
  // `pattern` is a path with ":name" segments, no regular expressions. HEAD goes to GET handlers, its body is
  // dropped. A path with other methods answers 405 with Allow, no path 404.
  virtual void route(std::string_view method, std::string_view pattern, Handler handler) = 0;
  virtual void set_gate(Gate gate) = 0;

  // The greatest body that any path takes, for requests that begin from now on.
  virtual void set_max_body_bytes(std::size_t bytes) = 0;
  // Each answer from now on is the last of its connection, so that clients have none left when stop() comes.
  virtual void begin_drain() = 0;

  [[nodiscard]] virtual std::uint16_t port() const = 0;  // after start()

  // Runs `work` on the loop's thread, now-ish; at a time; cancel() of a timer that has fired does nothing.
  using TimerId = std::uint64_t;
  virtual void post(std::function<void()> work) = 0;
  virtual TimerId call_at(base::BootTime when, std::function<void()> work) = 0;  // loop's thread only
  virtual void cancel_timer(TimerId id) = 0;                                     // loop's thread only

  struct Counters {
    std::int64_t connections = 0;
    std::int64_t requests = 0;
    std::int64_t in_flight = 0;
    AnswerCounts answers{};  // refusals too, whatever was not even a request
  };
  [[nodiscard]] virtual Counters counters() const = 0;
};

[[nodiscard]] std::unique_ptr<HttpServer> make_http_server(HttpServerOptions options);

}  // namespace longhaul::server
