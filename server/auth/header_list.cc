#include "server/auth/header_list.h"

#include <algorithm>

#include "server/auth/ascii.h"

namespace longhaul::server {
std::vector<std::string_view> words_of_header(const Request& request, std::string_view name) {
  std::vector<std::string_view> words;
  for (const auto& [key, value] : request.headers) {
    if (!equal_ignoring_case(key, name)) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      const std::string_view word = trim(rest.substr(0, end));
      if (!word.empty()) words.push_back(word);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return words;
}

std::size_t count_headers(const Request& request, std::string_view name) {
  return static_cast<std::size_t>(
      std::count_if(request.headers.begin(), request.headers.end(),
                    [&](const auto& header) { return equal_ignoring_case(header.first, name); }));
}

}  // namespace longhaul::server
