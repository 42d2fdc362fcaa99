#include "api/start_request.h"

#include <algorithm>
#include <array>
#include <span>

#include "api/fault_list.h"
#include "api/field_readers.h"
#include "api/json_number.h"
#include "api/json_reader.h"
#include "api/json_scanner.h"
#include "api/limits.h"
#include "api/request_fields.h"
#include "api/utf8.h"

namespace longhaul::api {
namespace {

enum class LowEdge { zero_allowed, above_zero };

// Readers of single values, as api/field_readers.h has them.

std::optional<int> read_integer(std::string_view field, std::string_view value, int low, int high,
                                FaultList& faults) {
  if (kind_of(value) == JsonKind::number) {
    const auto integer = exact_integer(decimal_of(value));
    if (integer && *integer >= low && *integer <= high) return static_cast<int>(*integer);
  }
  faults.add(pointer_to(field),
             "must be an integer from " + std::to_string(low) + " to " + std::to_string(high));
  return std::nullopt;
}

// Seconds, as milliseconds. Rounded up, so that no limit above zero becomes zero.
std::optional<Milliseconds> read_duration(const Place& place, std::string_view value, LowEdge low_edge,
                                          FaultList& faults) {
  if (kind_of(value) != JsonKind::number) {
    faults.add(place.pointer(), "must be a number");
    return std::nullopt;
  }
  const Decimal seconds = decimal_of(value);
  const bool zero = seconds.digits.empty();
  if (!zero && seconds.negative && low_edge == LowEdge::zero_allowed) {
    faults.add(place.pointer(), "must be at least 0");
    return std::nullopt;
  }
  if (low_edge == LowEdge::above_zero && (zero || seconds.negative)) {
    faults.add(place.pointer(), "must be greater than 0");
    return std::nullopt;
  }
  constexpr auto max_seconds = static_cast<std::int64_t>(limits::duration_seconds_max);
  const auto milliseconds = thousandths_rounded_up(seconds);
  if (!milliseconds || *milliseconds > max_seconds * 1000) {
    faults.add(place.pointer(), "must be at most " + std::to_string(max_seconds));
    return std::nullopt;
  }
  return Milliseconds(*milliseconds);
}

// A text of the caller's own choice, by which starts are told to be the same.
std::optional<std::string> read_key(const Place& place, std::string_view value, std::size_t max_chars,
                                    FaultList& faults) {
  auto text = string_of(value);
  if (!text) {
    faults.add(place.pointer(), "must be a string");
    return std::nullopt;
  }
  if (text->empty() || count_chars(*text) > max_chars) {
    faults.add(place.pointer(), "must be 1 to " + std::to_string(max_chars) + " characters");
    return std::nullopt;
  }
  if (text->find('\0') != std::string::npos) {  // databases end a text there
    faults.add(place.pointer(), "must not contain U+0000");
    return std::nullopt;
  }
  return text;
}

std::optional<CacheTerms> read_cache(std::string_view field, std::string_view value, FaultList& faults) {
  if (kind_of(value) != JsonKind::object) {
    faults.add(pointer_to(field), "must be an object");
    return std::nullopt;
  }
  bool has_key = false;
  std::optional<std::string> key;
  std::array<std::optional<Milliseconds>, 2> times;
  std::array<bool, 2> has_time{};
  static constexpr std::array<std::string_view, 2> time_names{"fresh_seconds", "stale_seconds"};
  MemberCursor member(value);
  while (member.next()) {
    const Place place(field, member.name());
    const auto* const time = std::find(time_names.begin(), time_names.end(), member.name());
    if (member.name() == "key") {
      has_key = true;
      key = read_key(place, member.value(), limits::cache_key_chars, faults);
    } else if (time != time_names.end()) {
      const auto which = static_cast<std::size_t>(time - time_names.begin());
      has_time[which] = true;
      times[which] = read_duration(place, member.value(), LowEdge::zero_allowed, faults);
    } else {
      faults.add(place.pointer(), "is not a member of this object");
    }
  }
  if (!has_key) faults.add(pointer_to(field, "key"), "is required");
  for (std::size_t i = 0; i < time_names.size(); ++i) {
    if (!has_time[i]) faults.add(pointer_to(field, time_names[i]), "is required");
  }
  if (!times[0] || !times[1]) return std::nullopt;
  if (*times[0] > *times[1]) {
    faults.add(pointer_to(field, time_names[0]), "must be at most stale_seconds");
    return std::nullopt;
  }
  if (!key) return std::nullopt;
  return CacheTerms{*std::move(key), *times[0], *times[1]};
}

OnTimeout read_on_timeout(std::string_view field, std::string_view value, FaultList& faults) {
  const auto word = string_of(value);
  if (word == "cancel") return OnTimeout::cancel;
  if (word != "continue") faults.add(pointer_to(field), "must be \"continue\" or \"cancel\"");
  return OnTimeout::go_on;
}

bool check_tag(std::string_view field, std::string_view name, const std::optional<std::string>& value,
               FaultList& faults) {
  const auto refuse_tag = [&](std::string detail) {
    faults.add(pointer_to(field, name), std::move(detail));
    return false;
  };
  if (name.empty() || count_chars(name) > limits::tag_name_chars) {
    return refuse_tag("a tag's name must be 1 to " + std::to_string(limits::tag_name_chars) + " characters");
  }
  if (!value) return refuse_tag("must be a string");
  if (count_chars(*value) > limits::tag_value_chars) {
    return refuse_tag("must be at most " + std::to_string(limits::tag_value_chars) + " characters");
  }
  // Databases end a text there.
  if (name.find('\0') != std::string_view::npos || value->find('\0') != std::string::npos) {
    return refuse_tag("must not contain U+0000");
  }
  return true;
}

std::vector<std::pair<std::string, std::string>> read_tags(std::string_view field, std::string_view value,
                                                           FaultList& faults) {
  std::vector<std::pair<std::string, std::string>> tags;
  if (kind_of(value) != JsonKind::object) {
    faults.add(pointer_to(field), "must be an object of strings");
    return tags;
  }
  std::size_t count = 0;
  MemberCursor member(value);
  while (member.next()) {
    if (++count > limits::tags) continue;
    auto text = string_of(member.value());
    if (check_tag(field, member.name(), text, faults))
      tags.emplace_back(std::string(member.name()), std::move(*text));
  }
  if (count > limits::tags) {
    faults.add(pointer_to(field), "must have at most " + std::to_string(limits::tags) + " members");
  }
  std::sort(tags.begin(), tags.end());
  return tags;
}

Callback& callback_of(StartRequest& request) {
  if (!request.callback) request.callback.emplace();
  return *request.callback;
}

// The fields of a body, one row each.
using Start = StartRequest;
constexpr Field<Start> start_fields[] = {
    {"type",
     [](Start& r, std::string_view field, std::string_view value, FaultList& faults) {
       r.type = read_name(field, value, limits::type_chars, faults).value_or("");
     }},
    {"payload",
     [](Start& r, std::string_view, std::string_view value, FaultList&) { r.payload.text = value; }},
    {"queue",
     [](Start& r, std::string_view field, std::string_view value, FaultList& faults) {
       r.queue = read_name(field, value, limits::queue_chars, faults).value_or("");
     }},
    {"priority",
     [](Start& r, std::string_view field, std::string_view value, FaultList& faults) {
       r.priority =
           read_integer(field, value, limits::priority_min, limits::priority_max, faults).value_or(0);
     }},
    {"delay_seconds",
     [](Start& r, std::string_view field, std::string_view value, FaultList& faults) {
       r.delay = read_duration(field, value, LowEdge::zero_allowed, faults);
     },
     "run_at"},
    {"run_at",
     [](Start& r, std::string_view field, std::string_view value, FaultList& faults) {
       r.run_at = read_time(field, value, faults);
     },
     "delay_seconds"},
    {"timeout_seconds",
     [](Start& r, std::string_view field, std::string_view value, FaultList& faults) {
       r.timeout = read_duration(field, value, LowEdge::above_zero, faults);
     }},
    {"deadline_seconds",
     [](Start& r, std::string_view field, std::string_view value, FaultList& faults) {
       r.deadline = read_duration(field, value, LowEdge::above_zero, faults);
     },
     "deadline_at"},
    {"deadline_at",
     [](Start& r, std::string_view field, std::string_view value, FaultList& faults) {
       r.deadline_at = read_time(field, value, faults);
     },
     "deadline_seconds"},
    {"expires_seconds",
     [](Start& r, std::string_view field, std::string_view value, FaultList& faults) {
       r.expires = read_duration(field, value, LowEdge::above_zero, faults);
     }},
    {"max_attempts",
     [](Start& r, std::string_view field, std::string_view value, FaultList& faults) {
       r.max_attempts =
           read_integer(field, value, limits::max_attempts_min, limits::max_attempts_max, faults);
     }},
    {"tags", [](Start& r, std::string_view field, std::string_view value,
                FaultList& faults) { r.tags = read_tags(field, value, faults); }},
    {"callback_url",
     [](Start& r, std::string_view field, std::string_view value, FaultList& faults) {
       callback_of(r).url = read_url(field, value, faults).value_or("");
     }},
    {"callback_events",
     [](Start& r, std::string_view field, std::string_view value, FaultList& faults) {
       callback_of(r).events = read_events(field, value, "", faults).value_or(WebhookEvents());
     }},
    {"unique_key",
     [](Start& r, std::string_view field, std::string_view value, FaultList& faults) {
       r.unique_key = read_key(field, value, limits::unique_key_chars, faults);
     }},
    {"cache", [](Start& r, std::string_view field, std::string_view value,
                 FaultList& faults) { r.cache = read_cache(field, value, faults); }},
    {"on_timeout", [](Start& r, std::string_view field, std::string_view value,
                      FaultList& faults) { r.on_timeout = read_on_timeout(field, value, faults); }},
};

constexpr Field<RetryRequest> retry_fields[] = {
    {"deadline_seconds",
     [](RetryRequest& r, std::string_view field, std::string_view value, FaultList& faults) {
       r.deadline = read_duration(field, value, LowEdge::above_zero, faults);
     },
     "deadline_at"},
    {"deadline_at",
     [](RetryRequest& r, std::string_view field, std::string_view value, FaultList& faults) {
       r.deadline_at = read_time(field, value, faults);
     },
     "deadline_seconds"},
};

}  // namespace

Checked<StartRequest> parse_start_request(std::string_view body, FaultList faults,
                                          const UrlJudge& judge_url) {
  const auto json = read_json(body);
  if (!json) return refuse(json.error());
  StartRequest request;
  if (kind_of(json.value()) != JsonKind::object) {
    faults.add("#", "must be an object");
    return refuse(std::move(faults).to_problem());
  }
  const std::span<const Field<StartRequest>> fields = start_fields;
  const FieldSet seen = read_fields(fields, json->text, request, faults);
  if (!has_field(fields, seen, "type")) faults.add(pointer_to("type"), "is required");
  if (has_field(fields, seen, "callback_events") && !has_field(fields, seen, "callback_url")) {
    faults.add(pointer_to("callback_events"), "must not be given without callback_url");
  }
  if (judge_url && request.callback && !request.callback->url.empty()) {
    if (auto fault = judge_url(request.callback->url))
      faults.add(pointer_to("callback_url"), *std::move(fault));
  }
  if (!faults.empty()) return refuse(std::move(faults).to_problem());
  return request;
}

Checked<RetryRequest> parse_retry_request(std::string_view body) {
  RetryRequest request;
  if (body.empty()) return request;
  const auto json = read_json(body);
  if (!json) return refuse(json.error());
  FaultList faults;
  if (kind_of(json.value()) == JsonKind::object) {
    read_fields(std::span<const Field<RetryRequest>>(retry_fields), json->text, request, faults);
  } else {
    faults.add("#", "must be an object");
  }
  if (!faults.empty()) return refuse(std::move(faults).to_problem());
  return request;
}

}  // namespace longhaul::api
