// What the readers of query parameters share. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "api/fault_list.h"
#include "api/problem.h"

namespace longhaul::api {

// Query parameters in the order they came, decoded.
using QueryParameters = std::vector<std::pair<std::string, std::string>>;

// Refuses every parameter whose name is not in `allowed`.
[[nodiscard]] Checked<std::monostate> check_parameters(const QueryParameters& parameters,
                                                       const std::vector<std::string_view>& allowed);
// The same as faults, in a list of more.
void add_unknown_parameters(const QueryParameters& parameters, const std::vector<std::string_view>& allowed,
                            FaultList& faults);

// The only value of a parameter that may come once; null when it is absent. Given twice is a fault.
[[nodiscard]] const std::string* single_value(const QueryParameters& parameters, std::string_view wanted,
                                              FaultList& faults);

// Nothing but digits, and at least one.
[[nodiscard]] bool all_digits(std::string_view text);

// How many a page is to have, as ?page_size says it: 0 means the default, more than the most means the most.
// Nothing: it is no number.
[[nodiscard]] std::optional<std::size_t> read_page_size(std::string_view value);
inline constexpr std::string_view page_size_rule = "must be an integer of at least 0";
inline constexpr std::string_view page_token_rule =
    "must be the next_page_token of an answer to this same filter, or empty for the first page";

}  // namespace longhaul::api
