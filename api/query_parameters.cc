#include "api/query_parameters.h"

#include <algorithm>
#include <charconv>

#include "api/limits.h"

namespace longhaul::api {

void add_unknown_parameters(const QueryParameters& parameters, const std::vector<std::string_view>& allowed,
                            FaultList& faults) {
  for (const auto& [name, value] : parameters) {
    if (std::find(allowed.begin(), allowed.end(), name) == allowed.end()) {
      faults.add(parameter_pointer(name), "is not a parameter of this request");
    }
  }
}

Checked<std::monostate> check_parameters(const QueryParameters& parameters,
                                         const std::vector<std::string_view>& allowed) {
  FaultList faults;
  add_unknown_parameters(parameters, allowed, faults);
  if (!faults.empty()) return refuse(std::move(faults).to_problem());
  return std::monostate{};
}

const std::string* single_value(const QueryParameters& parameters, std::string_view wanted,
                                FaultList& faults) {
  const std::string* found = nullptr;
  for (const auto& [name, value] : parameters) {
    if (name != wanted) continue;
    if (found != nullptr) faults.add(parameter_pointer(wanted), "must be given only once");
    found = &value;
  }
  return found;
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<std::size_t> read_page_size(std::string_view value) {
  if (!all_digits(value)) return std::nullopt;
  std::size_t size = 0;
  const auto parsed = std::from_chars(value.data(), value.data() + value.size(), size);
  if (parsed.ec == std::errc::result_out_of_range) return limits::page_size_max;
  if (size == 0) return limits::page_size_default;
  return std::min(size, limits::page_size_max);
}

}  // namespace longhaul::api
