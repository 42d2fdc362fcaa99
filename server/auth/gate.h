// Who may ask at all. Looks at the headers of every request before its body is read, in this order:
//   Host    while the server listens on loopback without a key, Host must name this machine or be in
//   `allowed_hosts`: else a
//           web page whose name was rebound to 127.0.0.1 could drive the server (421).
//   Origin  the server's own and those in `allowed_origins` pass and get CORS headers on each answer; others
//   are refused (403). key     with an API key set: Authorization: Bearer <key> (RFC 6750) on everything but
//   the probes and CORS preflights (401); on /ws also the subprotocol bearer.<base64url of the key>.
// Thread-safety: the gate is a value that may be called from any thread. It keeps a digest of the key, never
// the key.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/http_server.h"

namespace longhaul::server {

struct AccessOptions {
  bool listens_on_loopback = true;
  std::vector<std::string> allowed_hosts;    // lower case, without port
  std::vector<std::string> allowed_origins;  // as browsers send them
  std::optional<std::string> api_key;
};
[[nodiscard]] Gate make_gate(AccessOptions options);

// Answers OPTIONS of a path: 204 with Allow, and what a CORS preflight asks for when it is one. `methods` as
// in Allow.
[[nodiscard]] Handler make_options_handler(std::string methods);

}  // namespace longhaul::server
