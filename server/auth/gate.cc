#include "server/auth/gate.h"

#include <algorithm>
#include <memory>

#include "base/base64.h"
#include "server/auth/ascii.h"
#include "server/auth/digest.h"
#include "server/auth/header_list.h"
#include "server/auth/host_name.h"

namespace longhaul::server {
namespace {

using api::ErrorCode;
using api::Problem;

constexpr std::string_view exposed_headers =
    "Location, Retry-After, ETag, Age, X-Request-Id, Idempotent-Replayed, Preference-Applied, "
    "WWW-Authenticate";
constexpr std::string_view accepted_headers =
    "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, Prefer, Traceparent, "
    "X-Request-Id";

constexpr std::string_view websocket_path = "/ws";

bool contains(const std::vector<std::string>& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// The only value of a header, or nothing when it is absent or given twice: two keys are not one right key.
const std::string* single_header(const Request& request, std::string_view name) {
  const std::string* found = nullptr;
  for (const auto& [key, value] : request.headers) {
    if (!equal_ignoring_case(key, name)) continue;
    if (found != nullptr) return nullptr;
    found = &value;
  }
  return found;
}

class Access {
 public:
  explicit Access(AccessOptions options)
      : options_(std::move(options)),
        checks_host_(options_.listens_on_loopback && !options_.api_key),
        needs_key_(options_.api_key.has_value()) {
    if (needs_key_) key_digest_ = sha256(*options_.api_key);
    options_.api_key.reset();
    for (std::string& host : options_.allowed_hosts) {
      if (const auto parsed = parse_host(host)) host = parsed->name;  // a v6 address without its brackets
    }
  }

  std::optional<Problem> judge(const Request& request, Headers& extra) const {
    const std::string* host_header = request.find_header("Host");
    const auto host = host_header == nullptr ? std::nullopt : parse_host(*host_header);
    if (auto problem = judge_host(host)) return problem;
    if (auto problem = judge_origin(request, host, extra)) return problem;
    return judge_key(request);
  }

 private:
  std::optional<Problem> judge_host(const std::optional<HostName>& host) const {
    if (!checks_host_) return std::nullopt;
    if (host && (names_this_machine(host->name) || contains(options_.allowed_hosts, host->name)))
      return std::nullopt;
    return api::refuse(ErrorCode::misdirected_request,
                       "The Host header does not name this machine. To reach the server by another name, add "
                       "that name to "
                       "server.allowed_hosts.")
        .error;
  }

  std::optional<Problem> judge_origin(const Request& request, const std::optional<HostName>& host,
                                      Headers& extra) const {
    const std::string* origin = request.find_header("Origin");
    // Answers differ by Origin as soon as any may get CORS headers, so caches must be told with each of them.
    if (origin != nullptr || !options_.allowed_origins.empty()) extra.emplace_back("Vary", "Origin");
    if (origin == nullptr) return std::nullopt;
    if (!is_own(*origin, host) && !contains(options_.allowed_origins, *origin)) {
      return api::refuse(ErrorCode::origin_not_allowed,
                         "Pages of this origin may not use the server. To allow them, add the origin to "
                         "server.allowed_origins.")
          .error;
    }
    extra.emplace_back("Access-Control-Allow-Origin", *origin);
    extra.emplace_back("Access-Control-Expose-Headers", exposed_headers);
    return std::nullopt;
  }

  // The origin of a page that this server sent itself: same scheme, name and port as the request went to.
  static bool is_own(std::string_view origin, const std::optional<HostName>& host) {
    constexpr std::string_view scheme = "http://";
    if (!host || origin.substr(0, scheme.size()) != scheme) return false;
    const auto from = parse_host(origin.substr(scheme.size()));
    if (!from) return false;
    const auto port_of = [](const HostName& name) {
      return name.port.empty() ? std::string("80") : name.port;
    };
    return from->name == host->name && port_of(*from) == port_of(*host);
  }

  std::optional<Problem> judge_key(const Request& request) const {
    if (!needs_key_ || request.method == "OPTIONS" || request.path == "/livez" || request.path == "/readyz") {
      return std::nullopt;
    }
    const bool is_header = count_headers(request, "Authorization") > 0;
    const auto key = is_header ? key_of_header(request) : key_of_subprotocol(request);
    if (!key) {
      return unauthorized("This server needs a key: send it as Authorization: Bearer KEY.",
                          "Bearer realm=\"longhaul\"");
    }
    if (equal_in_constant_time(sha256(*key), key_digest_)) return std::nullopt;
    return unauthorized("The key is not one that this server knows.",
                        "Bearer realm=\"longhaul\", error=\"invalid_token\"");
  }

  static std::optional<std::string> key_of_header(const Request& request) {
    constexpr std::string_view scheme = "Bearer ";
    const std::string* authorization = single_header(request, "Authorization");
    if (authorization == nullptr || !equal_ignoring_case(authorization->substr(0, scheme.size()), scheme)) {
      return std::nullopt;
    }
    std::string key = authorization->substr(scheme.size());
    key.erase(0, std::min(key.find_first_not_of(' '), key.size()));
    return key;
  }

  // A page cannot give its WebSocket an Authorization header, but subprotocols: "bearer.<base64url of the key>".
  static std::optional<std::string> key_of_subprotocol(const Request& request) {
    constexpr std::string_view prefix = "bearer.";
    if (request.path != websocket_path) return std::nullopt;
    std::optional<std::string_view> found;
    for (const std::string_view word : words_of_header(request, "Sec-WebSocket-Protocol")) {
      if (!word.starts_with(prefix)) continue;
      if (found) return std::nullopt;  // two keys are not one right key
      found = word.substr(prefix.size());
    }
    return found ? base::from_base64url(*found).value_or("") : std::optional<std::string>();
  }

  static Problem unauthorized(std::string detail, std::string challenge) {
    return {
        ErrorCode::unauthorized, std::move(detail), {}, {}, {}, {{"WWW-Authenticate", std::move(challenge)}}};
  }

  AccessOptions options_;
  bool checks_host_;
  bool needs_key_;
  Sha256 key_digest_{};
};

}  // namespace

Gate make_gate(AccessOptions options) {
  auto access = std::make_shared<const Access>(std::move(options));
  return [access](const Request& request, Headers& extra) { return access->judge(request, extra); };
}

Handler make_options_handler(std::string methods) {
  return [methods = std::move(methods)](const Request& request, const Responder& responder) {
    Response response;
    response.status = 204;
    response.headers.emplace_back("Allow", methods);
    // The gate has let the origin through, or there was none.
    if (request.find_header("Origin") != nullptr &&
        request.find_header("Access-Control-Request-Method") != nullptr) {
      response.headers.emplace_back("Access-Control-Allow-Methods", methods);
      response.headers.emplace_back("Access-Control-Allow-Headers", accepted_headers);
      response.headers.emplace_back("Access-Control-Max-Age", "600");
    }
    responder.send(std::move(response));
  };
}

}  // namespace longhaul::server
