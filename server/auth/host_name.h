// The authority part of a Host or Origin header, taken apart, and whether a name can only mean this machine.
// Values; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace longhaul::server {

struct HostName {
  std::string name;  // lower case; a v6 address without its brackets
  std::string port;  // empty: none was given
};

// "name", "name:port", "[v6]" or "[v6]:port" (RFC 9110, section 7.2); nothing for anything else.
[[nodiscard]] std::optional<HostName> parse_host(std::string_view text);

// localhost and names below it (RFC 6761, section 6.3), 127.0.0.0/8 and ::1. Addresses are judged by value,
// so that a name which merely begins with "127." is none of them.
[[nodiscard]] bool names_this_machine(std::string_view name);

}  // namespace longhaul::server
