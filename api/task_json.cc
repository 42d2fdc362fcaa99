#include "api/task_json.h"

#include <limits>

#include "api/json_reader.h"
#include "api/json_scanner.h"
#include "api/json_writer.h"
#include "api/limits.h"

namespace longhaul::api {
namespace {

constexpr std::size_t usual_status_bytes = 1024;
constexpr std::size_t usual_attempt_bytes = 384;
constexpr std::size_t usual_line_bytes = 160;
constexpr std::size_t whole_result = std::numeric_limits<std::size_t>::max();

void write_time(JsonWriter& json, std::string_view name, const std::optional<WallTime>& time) {
  json.key(name);
  if (time) {
    json.time(*time);
  } else {
    json.null();
  }
}

template <class Number>
void write_number(JsonWriter& json, std::string_view name, const std::optional<Number>& number) {
  json.key(name);
  if (!number) {
    json.null();
  } else if constexpr (std::is_integral_v<Number>) {
    json.number(std::int64_t{*number});
  } else {
    json.number(*number);
  }
}

void write_error(JsonWriter& json, const std::optional<TaskError>& error) {
  if (!error) {
    json.null();
    return;
  }
  json.begin_object();
  json.key("code").string(error->code);
  json.key("message").string(error->message);
  if (error->reason) json.key("reason").string(*error->reason);
  if (error->exit_code) write_number(json, "exit_code", error->exit_code);
  if (error->signal) write_number(json, "signal", error->signal);
  json.end_object();
}

void write_progress(JsonWriter& json, const std::optional<Progress>& progress) {
  json.key("progress");
  if (!progress) {
    json.null();
    return;
  }
  json.begin_object();
  write_number(json, "percent", progress->percent);
  json.key("message").string(progress->message);
  json.key("updated_at").time(progress->updated_at);
  json.end_object();
}

// What is shown besides the task itself.
struct Shown {
  std::size_t most_result_bytes = whole_result;  // a longer one is left out, and that is said
  std::optional<std::string_view> kept_result;   // stands in the place of its own; JSON
  std::string_view cached_at;                    // JSON; empty: not from the cache
  bool deduplicated = false;
};

void write_result(JsonWriter& json, const TaskSnapshot& task, const Shown& shown) {
  json.key("result");
  if (shown.kept_result) {
    json.raw(*shown.kept_result);
  } else if (!task.result) {
    json.null();
  } else if (task.result->text.size() > shown.most_result_bytes) {
    json.null();
    json.key("result_omitted").boolean(true);
  } else {
    json.raw(*task.result);
  }
}

void write_cache(JsonWriter& json, const Shown& shown) {
  json.key("cache").boolean(!shown.cached_at.empty());
  if (!shown.cached_at.empty()) json.key("cached_at").raw(shown.cached_at);
  if (shown.deduplicated) json.key("deduplicated").boolean(true);
}

void write_tags(JsonWriter& json, const TaskSnapshot& task) {
  json.key("tags").begin_object();
  for (const auto& [name, value] : task.tags) json.key(name).string(value);
  json.end_object();
}

void write_waiting_for(JsonWriter& json, const std::optional<WaitingFor>& waiting_for) {
  json.key("waiting_for");
  if (!waiting_for) {
    json.null();
    return;
  }
  json.begin_object();
  json.key("reason").string(waiting_for->reason);
  json.key("detail").string(waiting_for->detail);
  json.end_object();
}

// The members of a status, without the braces around them.
void write_status(JsonWriter& json, const TaskSnapshot& task, const std::optional<WaitingFor>& waiting_for,
                  const Shown& shown = {}) {
  std::string status_url = "/task-status/";
  status_url += task.id.text();
  json.key("task_id").string(std::string_view(status_url).substr(status_url.rfind('/') + 1));
  json.key("type").string(task.type);
  json.key("queue").string(task.queue);
  json.key("status").string(to_text(task.state));
  write_progress(json, task.progress);
  write_result(json, task, shown);
  json.key("error");
  write_error(json, task.error);
  write_cache(json, shown);
  json.key("attempt").number(std::int64_t{task.attempt});
  json.key("max_attempts").number(std::int64_t{task.max_attempts});
  json.key("revision").number(task.revision);
  json.key("created_at").time(task.created_at);
  json.key("run_at").time(task.run_at);
  write_time(json, "started_at", task.started_at);
  write_time(json, "finished_at", task.finished_at);
  write_time(json, "deadline_at", task.deadline_at);
  write_tags(json, task);
  write_waiting_for(json, waiting_for);
  json.key("status_url").string(status_url);
  json.key("events_url").string(status_url);
}

void write_attempt(JsonWriter& json, const AttemptRecord& attempt) {
  json.begin_object();
  json.key("started_at").time(attempt.started_at);
  write_time(json, "finished_at", attempt.finished_at);
  json.key("outcome").string(to_text(attempt.outcome));
  json.key("error");
  write_error(json, attempt.error);
  json.key("worker").string(attempt.worker);
  write_number(json, "exit_code", attempt.exit_code);
  write_number(json, "signal", attempt.signal);
  write_number(json, "peak_memory_bytes", attempt.use.peak_memory_bytes);
  write_number(json, "cpu_seconds", attempt.use.cpu_seconds);
  json.end_object();
}

std::size_t expected_bytes(const TaskSnapshot& task) {
  return usual_status_bytes + (task.result ? task.result->text.size() : 0);
}

std::optional<int> small_integer(std::string_view value) {
  const auto integer = integer_of(RawJson{std::string(value)});
  if (!integer || *integer != static_cast<int>(*integer)) return std::nullopt;
  return static_cast<int>(*integer);
}

void write_log_line(JsonWriter& json, const LogLine& line) {
  json.begin_object();
  json.key("n").number(line.n);
  json.key("at").time(line.at);
  json.key("stream").string(line.stream);
  json.key("text").string(line.text);
  json.end_object();
}

}  // namespace

std::string status_json(const TaskSnapshot& task, const std::optional<WaitingFor>& waiting_for) {
  JsonWriter json(expected_bytes(task));
  json.begin_object();
  write_status(json, task, waiting_for);
  json.end_object();
  return json.take();
}

std::string kept_status_json(const TaskSnapshot& succeeded) {
  JsonWriter moment;
  moment.time(succeeded.finished_at.value());
  const std::string cached_at = moment.take();
  Shown shown;
  shown.cached_at = cached_at;
  JsonWriter json(expected_bytes(succeeded));
  json.begin_object();
  write_status(json, succeeded, std::nullopt, shown);
  json.end_object();
  return json.take();
}

std::string start_json(const TaskSnapshot& task, const std::optional<WaitingFor>& waiting_for,
                       const StartAnswer& answer) {
  Shown shown;
  shown.deduplicated = answer.deduplicated;
  if (answer.kept != nullptr) {
    MemberCursor member(answer.kept->text);
    while (member.next()) {
      if (member.name() == "result") shown.kept_result = member.value();
      if (member.name() == "cached_at") shown.cached_at = member.value();
    }
  }
  JsonWriter json(expected_bytes(task) + (shown.kept_result ? shown.kept_result->size() : 0));
  json.begin_object();
  write_status(json, task, waiting_for, shown);
  json.end_object();
  return json.take();
}

std::string short_status_json(const TaskSnapshot& task, const std::optional<WaitingFor>& waiting_for,
                              std::size_t most_result_bytes) {
  Shown shown;
  shown.most_result_bytes = most_result_bytes;
  JsonWriter json(usual_status_bytes);
  json.begin_object();
  write_status(json, task, waiting_for, shown);
  json.end_object();
  return json.take();
}

std::string delivered_status_json(const TaskSnapshot& task) {
  return short_status_json(task, std::nullopt, limits::delivered_result_bytes);
}

std::string detail_json(const TaskDetail& detail, const std::optional<WaitingFor>& waiting_for) {
  JsonWriter json(expected_bytes(detail.task) + detail.payload.text.size() +
                  detail.attempts.size() * usual_attempt_bytes);
  json.begin_object();
  write_status(json, detail.task, waiting_for);
  json.key("payload").raw(detail.payload);
  json.key("attempts").begin_array();
  for (const AttemptRecord& attempt : detail.attempts) write_attempt(json, attempt);
  json.end_array();
  json.key("deliveries").begin_object();
  json.key("pending").number(detail.deliveries.pending);
  json.key("delivered").number(detail.deliveries.delivered);
  json.key("exhausted").number(detail.deliveries.exhausted);
  json.end_object();
  json.end_object();
  return json.take();
}

std::string page_json(const TaskPage& page, std::string_view next_page_token) {
  JsonWriter json((page.tasks.size() + 1) * usual_status_bytes);
  json.begin_object();
  json.key("tasks").begin_array();
  for (const TaskSnapshotPtr& task : page.tasks) {
    json.begin_object();
    write_status(json, *task, std::nullopt);
    json.end_object();
  }
  json.end_array();
  json.key("next_page_token").string(next_page_token);
  json.end_object();
  return json.take();
}

std::string log_line_json(const LogLine& line) {
  JsonWriter json(usual_line_bytes + line.text.size());
  write_log_line(json, line);
  return json.take();
}

std::string logs_json(const LogPage& page) {
  JsonWriter json((page.lines.size() + 1) * usual_line_bytes);
  json.begin_object();
  json.key("lines").begin_array();
  for (const LogLine& line : page.lines) write_log_line(json, line);
  json.end_array();
  json.key("truncated").boolean(page.truncated);
  json.end_object();
  return json.take();
}

std::string error_json(const TaskError& error) {
  JsonWriter json(128 + error.message.size());
  write_error(json, error);
  return json.take();
}

std::optional<TaskError> parse_error_json(std::string_view text) {
  const auto checked = read_json(text);
  if (!checked || kind_of(checked.value()) != JsonKind::object) return std::nullopt;
  TaskError error;
  MemberCursor member(checked->text);
  while (member.next()) {
    if (member.name() == "code") error.code = string_of(member.value()).value_or("");
    if (member.name() == "message") error.message = string_of(member.value()).value_or("");
    if (member.name() == "reason") error.reason = string_of(member.value());
    if (member.name() == "exit_code") error.exit_code = small_integer(member.value());
    if (member.name() == "signal") error.signal = small_integer(member.value());
  }
  if (error.code.empty()) return std::nullopt;
  return error;
}

}  // namespace longhaul::api
