// How a request becomes a WebSocket (RFC 6455, section 4.2). Pure.
#pragma once

#include <string_view>

#include "api/problem.h"
#include "server/http/http_server.h"

namespace longhaul::server {

inline constexpr std::string_view websocket_path = "/ws";

// The head of the answer: 101. Refused: 426 for what is no upgrade to WebSocket version 13, 400 for what is wrong
// with it, or when it does not offer the subprotocol longhaul.v1.
[[nodiscard]] api::Checked<Response> accept_websocket(const Request& request);

// The Sec-WebSocket-Accept to a Sec-WebSocket-Key.
[[nodiscard]] std::string websocket_accept(std::string_view key);

}  // namespace longhaul::server
