#include "server/streams/websocket_handshake.h"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "api/socket_message.h"
#include "base/base64.h"
#include "server/auth/ascii.h"
#include "server/auth/header_list.h"

namespace longhaul::server {
namespace {

using api::ErrorCode;
using api::Problem;

constexpr std::string_view version = "13";
constexpr std::size_t key_bytes = 16;

bool has_word(const Request& request, std::string_view header, std::string_view word) {
  const auto words = words_of_header(request, header);
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view w) { return equal_ignoring_case(w, word); });
}

base::Failure<Problem> needs_upgrade(std::string detail) {
  Problem problem = api::refuse(ErrorCode::upgrade_required, std::move(detail)).error;
  // RFC 9110, section 15.5.22; RFC 6455, section 4.4.
  problem.headers.emplace_back("Upgrade", "websocket");
  problem.headers.emplace_back("Sec-WebSocket-Version", version);
  return api::refuse(std::move(problem));
}

base::Failure<Problem> bad(std::string detail) {
  return api::refuse(ErrorCode::bad_handshake, std::move(detail));
}

}  // namespace

std::string websocket_accept(std::string_view key) {
  std::string text(key);
  text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455, section 1.3
  std::array<std::byte, SHA_DIGEST_LENGTH> digest{};
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       reinterpret_cast<unsigned char*>(digest.data()));
  return base::to_base64(digest);
}

api::Checked<Response> accept_websocket(const Request& request) {
  if (request.method != "GET" || !has_word(request, "Upgrade", "websocket") ||
      !has_word(request, "Connection", "upgrade")) {
    return needs_upgrade(
        "This path speaks WebSocket: GET with Connection: Upgrade and Upgrade: websocket. Without it, GET "
        "/events "
        "streams the same events.");
  }
  if (request.minor_version == 0)  // RFC 6455, section 4.1; RFC 9110, section 7.8: HTTP/1.0 has no Upgrade
    return needs_upgrade("A WebSocket needs HTTP/1.1; this request was HTTP/1.0.");
  const auto versions = words_of_header(request, "Sec-WebSocket-Version");
  if (versions.size() != 1 || versions.front() != version)
    return needs_upgrade("The server speaks version 13 of WebSocket (RFC 6455).");

  const std::string* const key = request.find_header("Sec-WebSocket-Key");
  const auto nonce = key == nullptr ? std::nullopt : base::from_base64(*key);
  if (!nonce || nonce->size() != key_bytes || count_headers(request, "Sec-WebSocket-Key") != 1)
    return bad("Sec-WebSocket-Key must be there once, as the base64 of 16 bytes.");
  const auto protocols = words_of_header(request, "Sec-WebSocket-Protocol");
  if (std::find(protocols.begin(), protocols.end(), api::socket_protocol) == protocols.end()) {
    return bad(
        "The subprotocol longhaul.v1 must be offered: new WebSocket(url, [\"longhaul.v1\"]), or the header "
        "Sec-WebSocket-Protocol: longhaul.v1.");
  }
  Response response;
  response.status = 101;
  response.headers = {{"Upgrade", "websocket"},
                      {"Sec-WebSocket-Accept", websocket_accept(*key)},
                      {"Sec-WebSocket-Protocol", std::string(api::socket_protocol)}};
  return response;
}

}  // namespace longhaul::server
