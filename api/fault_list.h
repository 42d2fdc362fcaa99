// Collects what is wrong with a request, so that a caller hears everything at once, up to
// limits::listed_faults. Also where faults are: JSON pointers as URI fragments.
//
// Not thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "api/problem.h"

namespace longhaul::api {

class FaultList {
 public:
  void add(std::string pointer, std::string detail);
  [[nodiscard]] bool empty() const { return count_ == 0; }
  // The 422 that lists them. There must be one.
  [[nodiscard]] Problem to_problem() &&;

 private:
  std::vector<FieldError> faults_;
  std::size_t count_ = 0;
};

// "#/tags/a~1b": RFC 6901 section 6, the names escaped first for the pointer, then for the fragment.
[[nodiscard]] std::string pointer_to(std::string_view name);
[[nodiscard]] std::string pointer_to(std::string_view name, std::string_view inner_name);

// "?page_size": a query parameter.
[[nodiscard]] std::string parameter_pointer(std::string_view name);

// 1 to `max_chars` of A-Z a-z 0-9 _ . : - as types and queues are named.
[[nodiscard]] bool is_name(std::string_view text, std::size_t max_chars);
[[nodiscard]] std::string name_rule(std::size_t max_chars);

}  // namespace longhaul::api
