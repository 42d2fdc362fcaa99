// Speaks HTTP to a longhaul server for the client commands. One connection, kept open between calls.
//
// Thread-safety: one thread. Errors: Unreachable, said so that a person can act on it; every answer of a
// server, a refusal included, is a Reply.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace httplib {
class Client;
}

namespace longhaul::server {

using NameValues = std::vector<std::pair<std::string, std::string>>;

struct Reply {
  int status = 0;
  std::string body;
  std::string retry_after;  // empty: none given

  [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
};

struct Unreachable {
  std::string message;
};
using Answer = base::Result<Reply, Unreachable>;

class ApiClient {
 public:
  struct Options {
    std::string url = "http://127.0.0.1:8080";
    std::optional<std::string> api_key;
  };
  // Errors: `url` is not "http://HOST[:PORT]".
  [[nodiscard]] static base::Result<std::unique_ptr<ApiClient>> make(Options options);
  ~ApiClient();
  ApiClient(const ApiClient&) = delete;
  ApiClient& operator=(const ApiClient&) = delete;

  // `wait_seconds` is how long the server was asked to hold its answer back.
  [[nodiscard]] Answer get(const std::string& path, const NameValues& query, double wait_seconds = 0);
  [[nodiscard]] Answer post(const std::string& path, const NameValues& query, const std::string& body,
                            const NameValues& headers, double wait_seconds = 0);
  [[nodiscard]] Answer patch(const std::string& path, const std::string& body);
  [[nodiscard]] Answer remove(const std::string& path, const NameValues& query, double wait_seconds = 0);

  // Hands over the bytes of a stream of events as they come, until it ends or `take` returns false; a client that
  // comes back says with `last_event_id` where it was. Only the answer that is no stream has a body.
  [[nodiscard]] Answer stream(const std::string& path, const NameValues& query,
                              const std::string& last_event_id,
                              const std::function<bool(std::string_view)>& take);

  [[nodiscard]] const std::string& url() const { return options_.url; }

 private:
  explicit ApiClient(Options options);
  void expect_answer_within(double wait_seconds);

  Options options_;
  std::unique_ptr<httplib::Client> client_;
};

// One segment of a path, or one name or value of a query, with everything but unreserved characters escaped
// (RFC 3986, 2.3).
[[nodiscard]] std::string escape_segment(std::string_view text);

}  // namespace longhaul::server
