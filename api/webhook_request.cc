#include "api/webhook_request.h"

#include <span>
#include <utility>

#include "api/fault_list.h"
#include "api/field_readers.h"
#include "api/json_reader.h"
#include "api/json_scanner.h"
#include "api/limits.h"
#include "api/request_fields.h"
#include "api/utf8.h"

namespace longhaul::api {
namespace {

using EventFilter = std::optional<WebhookEvents>;

// "*" stands alone: beside it other events would say nothing.
bool is_every_event(std::string_view value) {
  ElementCursor element(value);
  return element.next() && string_of(element.value()) == "*" && !element.next();
}

std::optional<EventFilter> read_event_filter(std::string_view field, std::string_view value,
                                             FaultList& faults) {
  if (is_every_event(value)) return EventFilter();
  const auto events = read_events(field, value, "; [\"*\"] alone means every event", faults);
  if (!events) return std::nullopt;
  return EventFilter(*events);
}

std::optional<std::string> read_description(std::string_view field, std::string_view value,
                                            FaultList& faults) {
  auto text = string_of(value);
  if (!text) {
    faults.add(pointer_to(field), "must be a string");
  } else if (count_chars(*text) > limits::webhook_description_chars) {
    faults.add(pointer_to(field),
               "must be at most " + std::to_string(limits::webhook_description_chars) + " characters");
    text.reset();
  } else if (text->find('\0') != std::string::npos) {  // databases end a text there
    faults.add(pointer_to(field), "must not contain U+0000");
    text.reset();
  }
  return text;
}

std::optional<bool> read_boolean(std::string_view field, std::string_view value, FaultList& faults) {
  if (kind_of(value) == JsonKind::boolean) return value == "true";
  faults.add(pointer_to(field), "must be true or false");
  return std::nullopt;
}

// What both a new webhook and a change have, in the form of a change.
constexpr Field<WebhookChange> change_fields[] = {
    {"url", [](WebhookChange& c, std::string_view field, std::string_view value,
               FaultList& faults) { c.url = read_url(field, value, faults); }},
    {"events", [](WebhookChange& c, std::string_view field, std::string_view value,
                  FaultList& faults) { c.events = read_event_filter(field, value, faults); }},
    {"types",
     [](WebhookChange& c, std::string_view field, std::string_view value, FaultList& faults) {
       c.types = read_names(field, value, limits::type_chars, limits::webhook_names, faults);
     }},
    {"queues",
     [](WebhookChange& c, std::string_view field, std::string_view value, FaultList& faults) {
       c.queues = read_names(field, value, limits::queue_chars, limits::webhook_names, faults);
     }},
    {"description", [](WebhookChange& c, std::string_view field, std::string_view value,
                       FaultList& faults) { c.description = read_description(field, value, faults); }},
    // Last: a new one has all fields but this.
    {"disabled", [](WebhookChange& c, std::string_view field, std::string_view value,
                    FaultList& faults) { c.disabled = read_boolean(field, value, faults); }},
};
constexpr std::span<const Field<WebhookChange>> all_fields = change_fields;
constexpr std::span<const Field<WebhookChange>> new_fields = all_fields.first(all_fields.size() - 1);

struct Since {
  std::optional<WallTime> time;
};
constexpr Field<Since> recover_fields[] = {
    {"since", [](Since& s, std::string_view field, std::string_view value,
                 FaultList& faults) { s.time = read_time(field, value, faults); }},
};

// Reads the object that a body must be. The bits of the fields that it has.
template <class Value>
Checked<FieldSet> read_body(std::string_view body, std::span<const Field<Value>> fields, Value& value,
                            FaultList& faults) {
  const auto json = read_json(body);
  if (!json) return refuse(json.error());
  if (kind_of(json.value()) == JsonKind::object) return read_fields(fields, json->text, value, faults);
  faults.add("#", "must be an object");
  return refuse(std::move(faults).to_problem());
}

void judge(const std::optional<std::string>& url, const UrlJudge& judge_url, FaultList& faults) {
  if (!judge_url || !url) return;
  if (auto fault = judge_url(*url)) faults.add(pointer_to("url"), *std::move(fault));
}

}  // namespace

Checked<WebhookRequest> parse_webhook_request(std::string_view body, const UrlJudge& judge_url) {
  WebhookChange given;
  FaultList faults;
  const auto seen = read_body(body, new_fields, given, faults);
  if (!seen) return refuse(seen.error());
  if (!has_field(new_fields, *seen, "url")) faults.add(pointer_to("url"), "is required");
  judge(given.url, judge_url, faults);
  if (!faults.empty()) return refuse(std::move(faults).to_problem());
  WebhookRequest request;
  request.url = given.url.value_or("");
  if (given.events) request.filter.events = *given.events;
  request.filter.types = std::move(given.types).value_or(std::vector<std::string>());
  request.filter.queues = std::move(given.queues).value_or(std::vector<std::string>());
  request.description = std::move(given.description).value_or("");
  return request;
}

Checked<WebhookChange> parse_webhook_change(std::string_view body, const UrlJudge& judge_url) {
  WebhookChange change;
  FaultList faults;
  const auto seen = read_body(body, all_fields, change, faults);
  if (!seen) return refuse(seen.error());
  judge(change.url, judge_url, faults);
  if (*seen == 0 && faults.empty()) faults.add("#", "must change something");
  if (!faults.empty()) return refuse(std::move(faults).to_problem());
  return change;
}

Checked<WallTime> parse_recover_request(std::string_view body) {
  Since since;
  FaultList faults;
  const std::span<const Field<Since>> fields = recover_fields;
  const auto seen = read_body(body, fields, since, faults);
  if (!seen) return refuse(seen.error());
  if (!has_field(fields, *seen, "since")) faults.add(pointer_to("since"), "is required");
  if (!faults.empty()) return refuse(std::move(faults).to_problem());
  return since.time.value_or(WallTime{});
}

}  // namespace longhaul::api
