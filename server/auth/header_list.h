// Headers whose value is a list of words (RFC 9110, section 5.6.1): over one line or several, with or without
// blanks. Views into the request. Any thread.
#pragma once

#include <string_view>
#include <vector>

#include "server/http/http_server.h"

namespace longhaul::server {

// In order, without empty ones. None when the header is absent.
[[nodiscard]] std::vector<std::string_view> words_of_header(const Request& request, std::string_view name);

// How often the header is there.
[[nodiscard]] std::size_t count_headers(const Request& request, std::string_view name);

}  // namespace longhaul::server
