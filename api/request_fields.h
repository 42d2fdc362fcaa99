// The fields of a request's body as a table: one row each, with its name and its reader. What is no row is a
// fault. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "api/fault_list.h"
#include "api/json_scanner.h"

namespace longhaul::api {

// A reader gets the name of its field too, for the faults.
template <class Request>
struct Field {
  std::string_view name;
  void (*read)(Request& request, std::string_view field, std::string_view value, FaultList& faults);
  std::string_view instead_of = {};  // the field that must not be there beside it
};

// Which fields of a table a body has: one bit each.
using FieldSet = std::uint32_t;

template <class Request>
[[nodiscard]] bool has_field(std::span<const Field<Request>> fields, FieldSet set, std::string_view name) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].name == name) return (set >> i & 1) != 0;
  }
  return false;
}

// `object`: checked, and an object.
template <class Request>
FieldSet read_fields(std::span<const Field<Request>> fields, std::string_view object, Request& request,
                     FaultList& faults) {
  FieldSet seen = 0;
  MemberCursor member(object);
  while (member.next()) {
    const auto field = std::find_if(fields.begin(), fields.end(),
                                    [&](const Field<Request>& f) { return f.name == member.name(); });
    if (field == fields.end()) {
      faults.add(pointer_to(member.name()), "is not a field of this request");
      continue;
    }
    seen |= FieldSet{1} << (field - fields.begin());
    field->read(request, field->name, member.value(), faults);
    if (!field->instead_of.empty() && has_field(fields, seen, field->instead_of)) {
      faults.add(pointer_to(field->name),
                 "must not be given together with " + std::string(field->instead_of));
    }
  }
  return seen;
}

}  // namespace longhaul::api
