// A value as an operator wrote it, before it is known whether it fits: read from a file with its own type, or
// from a flag or an environment variable, where everything is text. Pure values; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace longhaul::server {

using TextList = std::vector<std::string>;
using TextMap = std::vector<std::pair<std::string, std::string>>;
using NumberList = std::vector<double>;

// Something that no setting takes: a date, a list of lists...
struct OtherValue {
  std::string what;
};
using SettingValue =
    std::variant<bool, std::int64_t, double, std::string, TextList, TextMap, NumberList, OtherValue>;

enum class ValueKind : std::uint8_t { text, whole_number, seconds, text_list, text_map, number_list };

// As the documentation names a kind, and as complaints do: "must be a whole number".
[[nodiscard]] std::string_view name_of(ValueKind kind);
// What a value is, for "..., not a list of texts".
[[nodiscard]] std::string describe(const SettingValue& value);

// From a flag or an environment variable. Lists are separated by commas; the empty text is the empty list.
// Maps have no such form.
[[nodiscard]] base::Result<SettingValue> value_from_text(ValueKind kind, std::string_view text);

// Numbers as people write them: no exponent for sizes that people use, no needless zeros.
[[nodiscard]] std::string number_text(double number);

// As one would write it in the file.
[[nodiscard]] std::string toml_text(const std::string& text);
[[nodiscard]] std::string toml_text(const TextList& list);
[[nodiscard]] std::string toml_text(const NumberList& list);

}  // namespace longhaul::server
