// Walks over JSON text that json_reader has checked and made compact, without building anything: names and
// values are views into the text. For the paths where every copy counts; json_reader.h has the same in owning
// form.
//
// The views live as long as the text; a decoded name lives until the next call of next().
//
// Not thread-safe.
// Text that was not checked is walked without leaving its bounds, but to no purpose.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "api/json_reader.h"

namespace longhaul::api {

class MemberCursor {
 public:
  // Anything but an object has no members.
  explicit MemberCursor(std::string_view object);
  // Moves on to the next member; false at the end.
  [[nodiscard]] bool next();
  [[nodiscard]] std::string_view name() const { return name_; }  // decoded
  [[nodiscard]] std::string_view value() const { return value_; }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  std::string decoded_;
  std::string_view name_;
  std::string_view value_;
};

class ElementCursor {
 public:
  explicit ElementCursor(std::string_view array);
  [[nodiscard]] bool next();
  [[nodiscard]] std::string_view value() const { return value_; }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  std::string_view value_;
};

[[nodiscard]] JsonKind kind_of(std::string_view json);
[[nodiscard]] std::optional<std::string> string_of(std::string_view json);

// The text without the white space between its tokens.
[[nodiscard]] std::string without_white_space(std::string_view checked);

}  // namespace longhaul::api
