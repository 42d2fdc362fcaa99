#include "api/task_query.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "api/fault_list.h"
#include "api/page_token.h"
#include "api/time_text.h"
#include "api/utf8.h"

namespace longhaul::api {
namespace {

constexpr std::string_view tag_prefix = "tag.";

// One reader for each parameter that may come once. Returns what is wrong with the value; empty: nothing.
struct Parameter {
  std::string_view name;
  std::string (*read)(TaskQuery& query, const std::string& value);
};

std::string read_time_into(std::optional<WallTime>& time, const std::string& value) {
  time = parse_time(value);
  return time ? "" : "must be a time as RFC 3339 writes it, like 2026-03-01T12:00:00Z";
}

std::string read_name_into(std::optional<std::string>& name, const std::string& value,
                           std::size_t max_chars) {
  if (!is_name(value, max_chars)) return name_rule(max_chars);
  name = value;
  return "";
}

std::string read_status(TaskQuery& query, const std::string& value) {
  query.filter.state = parse_task_state(value);
  if (query.filter.state) return "";
  std::string detail = "must be one of";
  for (int i = 0; i < task_state_count; ++i) {
    detail += i == 0 ? " " : ", ";
    detail += to_text(static_cast<TaskState>(i));
  }
  return detail;
}

constexpr std::array parameters_once = {
    Parameter{"status", read_status},
    Parameter{"type",
              [](TaskQuery& q, const std::string& v) {
                return read_name_into(q.filter.type, v, limits::type_chars);
              }},
    Parameter{"queue",
              [](TaskQuery& q, const std::string& v) {
                return read_name_into(q.filter.queue, v, limits::queue_chars);
              }},
    Parameter{"created_after",
              [](TaskQuery& q, const std::string& v) { return read_time_into(q.filter.created_after, v); }},
    Parameter{"created_before",
              [](TaskQuery& q, const std::string& v) { return read_time_into(q.filter.created_before, v); }},
    Parameter{"page_size",
              [](TaskQuery& q, const std::string& v) -> std::string {
                const auto size = read_page_size(v);
                q.page_size = size.value_or(limits::page_size_default);
                return std::string(size ? std::string_view() : page_size_rule);
              }},
};

std::string read_tag(TaskFilter& filter, std::string_view name, const std::string& value) {
  if (!is_utf8(name) || !is_utf8(value)) return "must be UTF-8";
  if (name.empty() || count_chars(name) > limits::tag_name_chars) {
    return "a tag's name must be 1 to " + std::to_string(limits::tag_name_chars) + " characters";
  }
  if (count_chars(value) > limits::tag_value_chars) {
    return "must be at most " + std::to_string(limits::tag_value_chars) + " characters";
  }
  if (name.find('\0') != std::string_view::npos || value.find('\0') != std::string::npos) {
    return "must not contain U+0000";
  }
  if (filter.tags.size() >= limits::tags) {
    return "there must be at most " + std::to_string(limits::tags) + " tag filters";
  }
  filter.tags.emplace_back(name, value);
  return "";
}

bool is_known(std::string_view name) {
  return name == "page_token" || name.starts_with(tag_prefix) ||
         std::any_of(parameters_once.begin(), parameters_once.end(),
                     [&](const Parameter& p) { return p.name == name; });
}

// True for the second and later ones of a parameter that may come once.
bool is_repeated(const QueryParameters& parameters, std::size_t index) {
  const std::string& name = parameters[index].first;
  if (name.starts_with(tag_prefix)) return false;
  return std::any_of(parameters.begin(), parameters.begin() + static_cast<std::ptrdiff_t>(index),
                     [&](const auto& earlier) { return earlier.first == name; });
}

std::string read_parameter(TaskQuery& query, const std::string& name, const std::string& value) {
  if (name.starts_with(tag_prefix)) return read_tag(query.filter, name.substr(tag_prefix.size()), value);
  for (const Parameter& parameter : parameters_once) {
    if (parameter.name == name) return parameter.read(query, value);
  }
  return "";  // page_token: read when the filter is known
}

// Digits with an optional fraction: what people write, and no "inf", "nan" or exponent.
std::optional<double> plain_number(std::string_view text) {
  const std::size_t point = text.find('.');
  const bool well_formed = all_digits(text.substr(0, point)) &&
                           (point == std::string_view::npos || all_digits(text.substr(point + 1)));
  if (!well_formed) return std::nullopt;
  double value = 0;
  const auto parsed =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (parsed.ec == std::errc::result_out_of_range) return limits::wait_seconds_max + 1;
  return value;
}

bool has_tag(const TaskSnapshot& task, const std::pair<std::string, std::string>& tag) {
  return std::find(task.tags.begin(), task.tags.end(), tag) != task.tags.end();
}

}  // namespace

bool matches(const TaskFilter& filter, const TaskSnapshot& task) {
  return (!filter.state || *filter.state == task.state) && (!filter.type || *filter.type == task.type) &&
         (!filter.queue || *filter.queue == task.queue) &&
         (!filter.created_after || task.created_at > *filter.created_after) &&
         (!filter.created_before || task.created_at < *filter.created_before) &&
         std::all_of(filter.tags.begin(), filter.tags.end(),
                     [&](const auto& tag) { return has_tag(task, tag); });
}

Checked<TaskFilter> parse_task_filter(const QueryParameters& parameters) {
  FaultList faults;
  for (const auto& [name, value] : parameters) {
    if (name == "page_size" || name == "page_token")
      faults.add(parameter_pointer(name), "is not a parameter of this request");
  }
  if (!faults.empty()) return refuse(std::move(faults).to_problem());
  auto query = parse_task_query(parameters);
  if (!query) return base::Failure{std::move(query).error()};
  return std::move(query->filter);
}

Checked<std::optional<std::int64_t>> parse_revision(const QueryParameters& parameters) {
  FaultList faults;
  const std::string* const given = single_value(parameters, "revision", faults);
  std::optional<std::int64_t> revision;
  if (given != nullptr) {
    std::int64_t value = 0;
    const char* const end = given->data() + given->size();
    const auto read = std::from_chars(given->data(), end, value);
    if (!all_digits(*given) || read.ec != std::errc() || read.ptr != end)
      faults.add(parameter_pointer("revision"), "must be a whole number, at least 0");
    revision = value;
  }
  if (!faults.empty()) return refuse(std::move(faults).to_problem());
  return revision;
}

Checked<TaskQuery> parse_task_query(const QueryParameters& parameters) {
  TaskQuery query;
  FaultList faults;
  const std::string* token = nullptr;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto& [name, value] = parameters[i];
    std::string fault;
    if (!is_known(name)) {
      fault = "is not a parameter of this request";
    } else if (is_repeated(parameters, i)) {
      fault = "must be given only once";
    } else {
      if (name == "page_token") token = &value;
      fault = read_parameter(query, name, value);
    }
    if (!fault.empty()) faults.add(parameter_pointer(name), std::move(fault));
  }
  // A wrong filter makes every token a stranger's: one fault is enough.
  if (faults.empty() && token != nullptr && !token->empty()) {
    query.older_than = read_page_token(query.filter, *token);
    if (!query.older_than) {
      faults.add(parameter_pointer("page_token"), std::string(page_token_rule));
    }
  }
  if (!faults.empty()) return refuse(std::move(faults).to_problem());
  return query;
}

Checked<Milliseconds> parse_wait(const QueryParameters& parameters) {
  FaultList faults;
  const std::string* const wait = single_value(parameters, "wait", faults);
  if (wait == nullptr) return Milliseconds(0);
  const auto seconds = plain_number(*wait);
  if (!seconds || *seconds > limits::wait_seconds_max) {
    const auto most = static_cast<int>(limits::wait_seconds_max);
    faults.add(parameter_pointer("wait"), "must be a number of seconds from 0 to " + std::to_string(most));
  }
  if (!faults.empty()) return refuse(std::move(faults).to_problem());
  return std::chrono::ceil<Milliseconds>(std::chrono::duration<double>(*seconds));
}

}  // namespace longhaul::api
