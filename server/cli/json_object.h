// The members of one JSON object out of an answer, looked up by name, their values as text with the digits
// they came with. A value; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/task.h"

namespace longhaul::server {

class JsonObject {
 public:
  // Nothing when `text` is not one JSON object.
  [[nodiscard]] static std::optional<JsonObject> read(std::string_view text);
  explicit JsonObject(const api::RawJson& object);

  // Nothing for a member that is absent or null.
  [[nodiscard]] std::optional<api::RawJson> find(std::string_view name) const;
  [[nodiscard]] std::optional<JsonObject> object(std::string_view name) const;
  [[nodiscard]] std::vector<api::RawJson> array(std::string_view name) const;  // empty when it is none
  // A string as its decoded text, any other value as it stands, empty when absent.
  [[nodiscard]] std::string text(std::string_view name) const;
  [[nodiscard]] std::optional<double> number(std::string_view name) const;

  [[nodiscard]] const std::vector<std::pair<std::string, api::RawJson>>& members() const { return members_; }

 private:
  std::vector<std::pair<std::string, api::RawJson>> members_;
};

// A string as its decoded text, any other value as it stands.
[[nodiscard]] std::string plain_text(const api::RawJson& json);

}  // namespace longhaul::server
