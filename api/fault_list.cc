#include "api/fault_list.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "api/limits.h"

namespace longhaul::api {
namespace {

bool is_letter_or_digit(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// What RFC 3986 allows in a fragment as it is, but for '/', which separates the names of a pointer.
bool stands_in_fragment(char c) {
  return is_letter_or_digit(c) || std::string_view("-._~!$&'()*+,;=:@?").find(c) != std::string_view::npos;
}

void append_escaped(std::string& out, std::string_view name) {
  constexpr std::string_view hex_digits = "0123456789ABCDEF";
  for (const char c : name) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else if (stands_in_fragment(c)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += hex_digits[byte >> 4];
      out += hex_digits[byte & 0x0F];
    }
  }
}

}  // namespace

void FaultList::add(std::string pointer, std::string detail) {
  ++count_;
  if (faults_.size() < limits::listed_faults) faults_.push_back({std::move(pointer), std::move(detail)});
}

Problem FaultList::to_problem() && {
  assert(!empty());
  Problem problem;
  problem.code = ErrorCode::validation_failed;
  if (count_ == 1) {
    problem.detail = faults_.front().pointer + " " + faults_.front().detail + ".";
  } else {
    problem.detail = std::to_string(count_) + " faults; ";
    problem.detail += count_ > faults_.size() ? "the first " + std::to_string(faults_.size()) + " are listed."
                                              : "all are listed.";
  }
  problem.errors = std::move(faults_);
  return problem;
}

std::string pointer_to(std::string_view name) {
  std::string pointer = "#/";
  append_escaped(pointer, name);
  return pointer;
}

std::string pointer_to(std::string_view name, std::string_view inner_name) {
  std::string pointer = pointer_to(name);
  pointer += '/';
  append_escaped(pointer, inner_name);
  return pointer;
}

std::string parameter_pointer(std::string_view name) {
  std::string pointer = "?";
  append_escaped(pointer, name);
  return pointer;
}

bool is_name(std::string_view text, std::size_t max_chars) {
  return !text.empty() && text.size() <= max_chars && std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter_or_digit(c) || c == '_' || c == '.' || c == ':' || c == '-';
  });
}

std::string name_rule(std::size_t max_chars) {
  return "must be 1 to " + std::to_string(max_chars) + " characters of A-Z a-z 0-9 _ . : -";
}

}  // namespace longhaul::api
