// "127.0.0.1:8080", "[::1]:8080", "localhost:8080": where the server listens. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "server/config/settings.h"

namespace longhaul::server {

// Names are not looked up; "localhost" is 127.0.0.1.
[[nodiscard]] base::Result<ListenAddress> parse_listen_address(std::string_view text);

// With brackets where they are needed: what parse_listen_address reads back.
[[nodiscard]] std::string to_text(const ListenAddress& listen);

// True for 127.0.0.0/8, ::1, and the former written as IPv6: nobody outside this machine can reach these.
[[nodiscard]] bool is_loopback(std::string_view numeric_address);

}  // namespace longhaul::server
