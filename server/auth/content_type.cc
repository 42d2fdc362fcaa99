#include "server/auth/content_type.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "server/auth/ascii.h"

namespace longhaul::server {
namespace {

// Cuts the part before the next ';' off `rest`.
std::string_view next_part(std::string_view& rest) {
  const std::size_t end = std::min(rest.find(';'), rest.size());
  const std::string_view part = trim(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

bool is_json(const std::string& content_type) {
  std::string_view rest = content_type;
  if (to_lower(next_part(rest)) != "application/json") return false;
  while (!rest.empty()) {
    const std::string parameter = to_lower(next_part(rest));
    if (parameter.rfind("charset=", 0) != 0) continue;
    const std::string charset = parameter.substr(parameter.find('=') + 1);
    if (charset != "utf-8" && charset != "\"utf-8\"") return false;
  }
  return true;
}

api::Problem refuse_coding(const std::string& coding) {
  auto problem = api::refuse(api::ErrorCode::unsupported_media_type,
                             "The body is sent with Content-Encoding: " + coding +
                                 "; the server takes it only as it is, without any coding.")
                     .error;
  problem.headers.emplace_back("Accept-Encoding", "identity");  // RFC 9110, section 15.5.16
  return problem;
}

}  // namespace

std::optional<api::Problem> judge_content_type(const Request& request) {
  if (request.body.empty()) return std::nullopt;
  for (const auto& [name, value] : request.headers) {
    if (!equal_ignoring_case(name, "Content-Encoding")) continue;
    if (!value.empty() && !equal_ignoring_case(value, "identity")) return refuse_coding(value);
  }
  const std::string* content_type = request.find_header("Content-Type");
  if (content_type != nullptr && is_json(*content_type)) return std::nullopt;
  return api::refuse(
             api::ErrorCode::unsupported_media_type,
             "The body must be JSON in UTF-8 and be sent with Content-Type: application/json. With curl: "
             "curl --json '{...}' (or -H 'Content-Type: application/json').")
      .error;
}

}  // namespace longhaul::server
