#include "server/cli/json_object.h"

#include <nlohmann/json.hpp>

#include "api/json_reader.h"
#include "api/json_scanner.h"

namespace longhaul::server {

std::string plain_text(const api::RawJson& json) {
  const auto decoded = api::string_of(json);
  return decoded ? *decoded : json.text;
}

std::optional<JsonObject> JsonObject::read(std::string_view text) {
  // api::read_json() would refuse a result of the greatest depth, which is one deeper inside an answer.
  if (!nlohmann::json::accept(text)) return std::nullopt;
  const api::RawJson json{api::without_white_space(text)};
  if (api::kind_of(json) != api::JsonKind::object) return std::nullopt;
  return JsonObject(json);
}

JsonObject::JsonObject(const api::RawJson& object) : members_(api::members_of(object)) {}

std::optional<api::RawJson> JsonObject::find(std::string_view name) const {
  for (const auto& [member, value] : members_) {
    if (member != name) continue;
    if (api::kind_of(value) == api::JsonKind::null) return std::nullopt;
    return value;
  }
  return std::nullopt;
}

std::optional<JsonObject> JsonObject::object(std::string_view name) const {
  const auto value = find(name);
  if (!value || api::kind_of(*value) != api::JsonKind::object) return std::nullopt;
  return JsonObject(*value);
}

std::vector<api::RawJson> JsonObject::array(std::string_view name) const {
  const auto value = find(name);
  return value ? api::elements_of(*value) : std::vector<api::RawJson>();
}

std::string JsonObject::text(std::string_view name) const {
  const auto value = find(name);
  return value ? plain_text(*value) : std::string();
}

std::optional<double> JsonObject::number(std::string_view name) const {
  const auto value = find(name);
  return value ? api::number_of(*value) : std::nullopt;
}

}  // namespace longhaul::server
