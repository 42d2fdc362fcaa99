#include "server/routes/idempotency_key.h"

#include <algorithm>
#include <string_view>

#include "api/limits.h"
#include "server/auth/ascii.h"

namespace longhaul::server {
namespace {

constexpr std::string_view header_name = "Idempotency-Key";

base::Failure<api::FieldError> fault(std::string detail) {
  return {api::FieldError{std::string(header_name), std::move(detail)}};
}

// What stands between the quotes; nothing when they do not match or an escape is not one of \" and \\ .
std::optional<std::string> unquote(std::string_view text) {
  if (text.size() < 2 || text.back() != '"') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') return std::nullopt;
    if (text[i] == '\\') {
      ++i;
      if (i == text.size() || (text[i] != '"' && text[i] != '\\')) return std::nullopt;
    }
    out += text[i];
  }
  return out;
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7F; });
}

}  // namespace

base::Result<std::optional<std::string>, api::FieldError> read_idempotency_key(const Request& request) {
  const auto names_it = [](const auto& header) { return equal_ignoring_case(header.first, header_name); };
  const auto first = std::find_if(request.headers.begin(), request.headers.end(), names_it);
  if (first == request.headers.end()) return std::optional<std::string>();
  if (std::find_if(first + 1, request.headers.end(), names_it) != request.headers.end()) {
    return fault("must be given once");
  }
  std::optional<std::string> key = first->second;
  if (!key->empty() && key->front() == '"') key = unquote(first->second);
  if (!key) return fault("begins with a quote and is not a quoted string");
  if (key->empty() || key->size() > api::limits::idempotency_key_chars || !is_printable(*key)) {
    return fault("must be 1 to " + std::to_string(api::limits::idempotency_key_chars) +
                 " printable ASCII characters");
  }
  return key;
}

}  // namespace longhaul::server
