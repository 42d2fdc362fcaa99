// Readers of single values that several requests have. Each returns nothing after it has added what is wrong
// with the value, and where, to the list. Pure; values are views into text that json_reader has checked.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/fault_list.h"
#include "api/task.h"
#include "api/webhook_event.h"

namespace longhaul::api {

// Where a value stands: a field of the body, or a member of one. Made into a pointer only for a fault.
struct Place {
  Place(std::string_view of_field) : field(of_field) {}  // NOLINT: a field is a place
  Place(std::string_view of_field, std::string_view of_member) : field(of_field), member(of_member) {}
  [[nodiscard]] std::string pointer() const {
    return member.empty() ? pointer_to(field) : pointer_to(field, member);
  }
  std::string_view field;
  std::string_view member;
};

// As is_name() has it.
[[nodiscard]] std::optional<std::string> read_name(const Place& place, std::string_view value,
                                                   std::size_t max_chars, FaultList& faults);
// An array of 1 to `max_names` of them; each once, in the order given. Null is an empty list: all there are.
[[nodiscard]] std::optional<std::vector<std::string>> read_names(std::string_view field,
                                                                 std::string_view value,
                                                                 std::size_t max_chars, std::size_t max_names,
                                                                 FaultList& faults);
[[nodiscard]] std::optional<WallTime> read_time(std::string_view field, std::string_view value,
                                                FaultList& faults);
// As api/web_url.h reads one.
[[nodiscard]] std::optional<std::string> read_url(std::string_view field, std::string_view value,
                                                  FaultList& faults);
// An array of at least one event of tasks. `also` ends the sentence that says what one may be.
[[nodiscard]] std::optional<WebhookEvents> read_events(std::string_view field, std::string_view value,
                                                       std::string_view also, FaultList& faults);

}  // namespace longhaul::api
