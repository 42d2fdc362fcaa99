#include "api/field_readers.h"

#include <algorithm>
#include <utility>

#include "api/json_reader.h"
#include "api/json_scanner.h"
#include "api/time_text.h"
#include "api/web_url.h"

namespace longhaul::api {

std::optional<std::string> read_name(const Place& place, std::string_view value, std::size_t max_chars,
                                     FaultList& faults) {
  auto text = string_of(value);
  if (!text) {
    faults.add(place.pointer(), "must be a string");
  } else if (!is_name(*text, max_chars)) {
    faults.add(place.pointer(), name_rule(max_chars));
    text.reset();
  }
  return text;
}

std::optional<std::vector<std::string>> read_names(std::string_view field, std::string_view value,
                                                   std::size_t max_chars, std::size_t max_names,
                                                   FaultList& faults) {
  std::vector<std::string> names;
  if (kind_of(value) == JsonKind::null) return names;
  bool sound = true;
  std::size_t count = 0;
  ElementCursor element(value);
  while (element.next()) {
    const std::string index = std::to_string(count++);
    if (count > max_names) continue;
    auto name = read_name({field, index}, element.value(), max_chars, faults);
    if (!name) {
      sound = false;
    } else if (std::find(names.begin(), names.end(), *name) == names.end()) {
      names.push_back(*std::move(name));
    }
  }
  if (count == 0 || count > max_names) {
    faults.add(pointer_to(field), "must be an array of 1 to " + std::to_string(max_names) +
                                      " names; null, or none at all, means all there are");
    sound = false;
  }
  if (!sound) return std::nullopt;
  return names;
}

std::optional<WallTime> read_time(std::string_view field, std::string_view value, FaultList& faults) {
  const auto text = string_of(value);
  const auto time = text ? parse_time(*text) : std::nullopt;
  if (!time) {
    faults.add(pointer_to(field), "must be a time as RFC 3339 writes it, like \"2026-03-01T12:00:00.250Z\"");
  }
  return time;
}

std::optional<std::string> read_url(std::string_view field, std::string_view value, FaultList& faults) {
  auto text = string_of(value);
  if (!text) {
    faults.add(pointer_to(field), "must be a string");
    return std::nullopt;
  }
  if (const auto url = read_web_url(*text); !url) {
    faults.add(pointer_to(field), url.error().detail);
    return std::nullopt;
  }
  return text;
}

std::optional<WebhookEvents> read_events(std::string_view field, std::string_view value,
                                         std::string_view also, FaultList& faults) {
  WebhookEvents events;
  bool sound = true;
  std::size_t count = 0;
  ElementCursor element(value);
  while (element.next()) {
    const auto name = string_of(element.value());
    const auto event = name ? parse_webhook_event(*name) : std::nullopt;
    if (event && is_of_task(*event)) {
      events.insert(*event);
    } else {
      faults.add(pointer_to(field, std::to_string(count)),
                 "must be one of " + webhook_event_names() + std::string(also));
      sound = false;
    }
    ++count;
  }
  if (count == 0) {
    faults.add(pointer_to(field), "must be an array of at least one event");
    sound = false;
  }
  if (!sound) return std::nullopt;
  return events;
}

}  // namespace longhaul::api
