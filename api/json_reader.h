// Reads a request body: exactly one JSON value, valid UTF-8, at most limits::json_depth deep, no member twice
// in an object. What breaks that is a 400 (ErrorCode::malformed_json) that says where. nlohmann/json does the
// reading; the raw text of each member is kept, so that nothing is lost to floating point.
//
// Thread-safety: values, no shared state. JsonValue owns its text.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/problem.h"
#include "api/task.h"

namespace longhaul::api {

// Checks `text` and returns it without white space between tokens.
[[nodiscard]] Checked<RawJson> read_json(std::string_view text);

// True when `text` is one valid JSON value by the rules above (used for results of commands, which are not
// refused but kept as text).
[[nodiscard]] bool is_json(std::string_view text);

enum class JsonKind : std::uint8_t { null, boolean, number, string, array, object };

// The kind of a checked value, from its first character.
[[nodiscard]] JsonKind kind_of(const RawJson& json);

// The members of a checked object in their order, names decoded, values as raw text. Empty for anything but
// an object.
[[nodiscard]] std::vector<std::pair<std::string, RawJson>> members_of(const RawJson& object);
// The elements of a checked array. Empty for anything but an array.
[[nodiscard]] std::vector<RawJson> elements_of(const RawJson& array);
// The decoded text of a checked string; nothing for other kinds.
[[nodiscard]] std::optional<std::string> string_of(const RawJson& json);
// The value of a checked number, rounded to double; nothing for other kinds.
[[nodiscard]] std::optional<double> number_of(const RawJson& json);
// A checked number that is an integer by value (5, 5.0, 5e0) and fits; nothing otherwise.
[[nodiscard]] std::optional<std::int64_t> integer_of(const RawJson& json);
[[nodiscard]] std::optional<bool> boolean_of(const RawJson& json);

}  // namespace longhaul::api
