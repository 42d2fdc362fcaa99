#include "server/config/setting_table.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <utility>

#include "server/auth/ascii.h"
#include "server/auth/host_name.h"
#include "server/config/listen_address.h"
#include "server/config/setting_rows.h"
#include "server/config/webhook_settings.h"

namespace longhaul::server {
namespace {

using base::fail;
using base::Result;
using rows::Range;
using rows::special;
using rows::whole_number;
using worker::QueueLimits;
using worker::ResultKind;
using worker::TaskType;

constexpr Range duration{0, api::limits::duration_seconds_max};
constexpr Range some_duration{0.001, api::limits::duration_seconds_max};
constexpr Range concurrency{1, 10'000};
constexpr Range database_bytes{8.0 * 1024 * 1024, 1e13};
constexpr Range cache_bytes{0, 1e12};
constexpr Range kept_bytes{1, static_cast<double>(api::limits::body_bytes_max)};

constexpr std::array<std::pair<std::string_view, base::LogLevel>, 5> log_levels{
    {{"debug", base::LogLevel::debug},
     {"info", base::LogLevel::info},
     {"warning", base::LogLevel::warning},
     {"error", base::LogLevel::error},
     {"off", base::LogLevel::off}}};
constexpr std::array<std::pair<std::string_view, base::LogFormat>, 2> log_formats{
    {{"text", base::LogFormat::text}, {"json", base::LogFormat::json}}};
constexpr std::array<std::pair<std::string_view, ResultKind>, 3> result_kinds{
    {{"auto", ResultKind::automatic}, {"json", ResultKind::json}, {"text", ResultKind::text}}};

// A word out of a closed list.
template <class Target, class Word, std::size_t count>
Setting<Target> one_of(std::string_view section, std::string_view name, Word Target::*member,
                       const std::array<std::pair<std::string_view, Word>, count>& words,
                       std::string_view help) {
  std::string accepts;
  for (const auto& [text, word] : words) accepts += (accepts.empty() ? "" : ", ") + std::string(text);
  const auto take = [member, &words, accepts](Target& target, const std::string& written) -> Result<void> {
    for (const auto& [text, word] : words) {
      if (text != written) continue;
      target.*member = word;
      return {};
    }
    return fail("must be one of " + accepts + ", not " + toml_text(written));
  };
  const auto show = [member, &words](const Target& target) {
    for (const auto& [text, word] : words) {
      if (word == target.*member) return toml_text(std::string(text));
    }
    return std::string("none");
  };
  return special<Target, std::string>(section, name, ValueKind::text, accepts, help, take, show);
}

template <class Member>
Setting<Settings> live(Member Settings::*member, Setting<Settings> setting) {
  setting.take_over = [member](Settings& to, const Settings& from) { to.*member = from.*member; };
  return setting;
}

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

Result<void> take_listen(Settings& settings, const std::string& text) {
  auto listen = parse_listen_address(text);
  if (!listen) return base::Failure{listen.error()};
  settings.listen = std::move(listen).value();
  return {};
}

Result<void> take_hosts(Settings& settings, TextList hosts) {
  for (std::string& host : hosts) {
    const auto parsed = parse_host(host);
    if (!parsed || !parsed->port.empty()) {
      return fail("must be names or addresses without scheme and port; " + toml_text(host) + " is not");
    }
    host = to_lower(host);
  }
  settings.allowed_hosts = std::move(hosts);
  return {};
}

// As browsers send it: in lower case, without the port that its scheme implies (RFC 6454, section 6.2).
// Nothing when it is no origin.
std::optional<std::string> as_sent_by_browsers(const std::string& written) {
  std::string origin = to_lower(written);
  const bool secure = origin.starts_with("https://");
  if (!secure && !origin.starts_with("http://")) return std::nullopt;
  const auto host = parse_host(std::string_view(origin).substr(origin.find("://") + 3));
  if (!host) return std::nullopt;
  if (host->port == (secure ? "443" : "80")) origin.resize(origin.rfind(':'));
  return origin;
}

Result<void> take_origins(Settings& settings, TextList origins) {
  for (std::string& origin : origins) {
    auto sent = as_sent_by_browsers(origin);
    if (!sent) {
      return fail(
          "must be origins as browsers send them, like \"https://app.example.com\" (no path, no slash at the "
          "end); " +
          toml_text(origin) + " is not");
    }
    origin = *std::move(sent);
  }
  settings.allowed_origins = std::move(origins);
  return {};
}

Result<void> take_database(Settings& settings, const std::string& path) {
  if (path.empty() || path.front() == ':' || has_nul(path)) {
    return fail("must be the path of a file: accepted tasks are kept on disk; " + toml_text(path) +
                " is not");
  }
  settings.database = path;
  return {};
}

Result<void> take_command(TaskType& type, const TextList& words) {
  if (words.empty() || words.front().empty())
    return fail("must name a program, as in [\"python3\", \"count.py\"]");
  if (std::any_of(words.begin(), words.end(), has_nul)) return fail("must not contain a NUL character");
  type.command = words;
  return {};
}

Result<void> take_environment(TaskType& type, const TextMap& variables) {
  for (const auto& [name, value] : variables) {
    if (name.empty() || name.find('=') != std::string::npos || has_nul(name) || has_nul(value)) {
      return fail("has a variable that no environment can hold: " + toml_text(name));
    }
    if (name.starts_with("LONGHAUL_") || name == "TRACEPARENT")
      return fail("must leave " + name + " to longhaul");
  }
  type.environment = variables;
  return {};
}

}  // namespace

std::vector<Setting<Settings>> server_settings() {
  std::vector<Setting<Settings>> all{
      special<Settings, std::string>(
          "server", "listen", ValueKind::text, "ADDRESS:PORT",
          "Where to listen. Port 0 takes any free one. An address that is not loopback needs "
          "LONGHAUL_API_KEY.",
          take_listen, [](const Settings& settings) { return toml_text(to_text(settings.listen)); }),
      special<Settings, TextList>("server", "allowed_hosts", ValueKind::text_list, "host names without port",
                                  "Names in the Host header that are served besides loopback ones, while "
                                  "listening on loopback without a key.",
                                  take_hosts,
                                  [](const Settings& settings) { return toml_text(settings.allowed_hosts); }),
      special<Settings, TextList>(
          "server", "allowed_origins", ValueKind::text_list, "origins like \"https://app.example.com\"",
          "Web pages of other origins that may use this server (CORS), in upper or lower case; its own "
          "origin "
          "always may.",
          take_origins, [](const Settings& settings) { return toml_text(settings.allowed_origins); }),
      live(&Settings::max_open_tasks,
           whole_number("server", "max_open_tasks", &Settings::max_open_tasks, {1, 100'000'000},
                        "Starts are refused with 503 while this many tasks are not final.")),
      live(&Settings::kept_events,
           whole_number("server", "kept_events", &Settings::kept_events, {100, 1'000'000},
                        "How many of the latest events are kept in memory (up to 16 MiB of them), so that a "
                        "client of an event stream that comes back misses none.")),
      live(&Settings::drain,
           rows::seconds(
               "server", "drain_seconds", &Settings::drain, {0, 86'400},
               "How long running tasks may go on after SIGTERM, while starts are refused. What still "
               "runs then is stopped and put back, to be run by the next server.")),
      live(&Settings::log_level, one_of("server", "log_level", &Settings::log_level, log_levels,
                                        "What the server writes to its standard error.")),
      live(&Settings::log_format, one_of("server", "log_format", &Settings::log_format, log_formats,
                                         "How: lines to be read by people, or a JSON object a line.")),
      special<Settings, std::string>("storage", "database", ValueKind::text, "path of a file",
                                     "The SQLite file that holds every task, a regular file without a second "
                                     "name (hard link); made if it is not there.",
                                     take_database,
                                     [](const Settings& settings) { return toml_text(settings.database); }),
      whole_number("storage", "min_free_disk_mb", &Settings::min_free_disk_mb, {0, 1'000'000'000},
                   "Starts are refused with 503 while less than this many MiB are free on the disk of the "
                   "database, so that what runs can still be ended and written down."),
      live(&Settings::keep_succeeded,
           rows::seconds_or_none(
               "retention", "succeeded_seconds", &Settings::keep_succeeded, some_duration,
               "How long after its end a succeeded task is kept, with all that belongs to it.")),
      live(&Settings::keep_failed,
           rows::seconds_or_none("retention", "failed_seconds", &Settings::keep_failed, some_duration,
                                 "The same of a failed task.")),
      live(&Settings::keep_cancelled,
           rows::seconds_or_none("retention", "cancelled_seconds", &Settings::keep_cancelled, some_duration,
                                 "The same of a cancelled task.")),
      live(&Settings::keep_timed_out,
           rows::seconds_or_none("retention", "timed_out_seconds", &Settings::keep_timed_out, some_duration,
                                 "The same of a task that has timed out.")),
      live(&Settings::max_database_bytes,
           whole_number("retention", "max_bytes", &Settings::max_database_bytes, database_bytes,
                        "Size of the database over which finished tasks are removed earlier, those that "
                        "ended first before others. None: only their age counts.")),
      live(&Settings::max_cache_bytes,
           whole_number(
               "cache", "max_bytes", &Settings::max_cache_bytes, cache_bytes,
               "What results kept for later starts (cache.key) may take together; the oldest go "
               "first. One that needs more than a quarter, or is over 1 MiB, is not kept. 0: none is.")),
  };
  for (auto& setting : webhook_settings()) all.push_back(std::move(setting));
  return all;
}

std::vector<Setting<QueueLimits>> queue_settings() {
  return {whole_number("queues.NAME", "concurrency", &QueueLimits::concurrency, concurrency,
                       "How many tasks of this queue run at once.")};
}

std::vector<Setting<TaskType>> task_settings() {
  constexpr std::string_view section = "tasks.NAME";
  return {
      special<TaskType, TextList>(
          section, "command", ValueKind::text_list, "program and its arguments",
          "What is started for each attempt: an argument list, never a shell line. Looked up in PATH. "
          "Required.",
          take_command,
          [](const TaskType& type) { return type.command.empty() ? "none" : toml_text(type.command); }),
      one_of(section, "result", &TaskType::result, result_kinds,
             "How stdout becomes the result: JSON if it is one value and else text, always JSON (anything "
             "else fails the "
             "task), always text."),
      rows::seconds_or_none(section, "timeout_seconds", &TaskType::timeout, some_duration,
                            "Limit of one attempt, if the start request gives none."),
      rows::seconds(section, "grace_seconds", &TaskType::grace, {0, 3600},
                    "Time between SIGTERM and SIGKILL when an attempt is stopped."),
      whole_number(section, "max_attempts", &TaskType::max_attempts,
                   {api::limits::max_attempts_min, api::limits::max_attempts_max},
                   "Attempts of a task, if the start request says nothing."),
      whole_number(section, "concurrency", &TaskType::concurrency, concurrency,
                   "How many tasks of this type run at once, over all queues."),
      rows::seconds(section, "retry_base_seconds", &TaskType::retry_base, duration,
                    "Upper edge of the random wait before the second attempt; doubles with each attempt."),
      rows::seconds(section, "retry_cap_seconds", &TaskType::retry_cap, duration,
                    "No wait between two attempts is longer than this."),
      special<TaskType, TextMap>(
          section, "environment", ValueKind::text_map, "NAME = \"value\"",
          "Variables for the program. Nothing of the server's own environment is handed on.",
          take_environment, [](const TaskType&) { return std::string("{}"); }),
      whole_number(section, "max_body_bytes", &TaskType::max_body_bytes, kept_bytes,
                   "Greatest body of a start request for this type."),
      whole_number(section, "max_result_bytes", &TaskType::max_result_bytes, kept_bytes,
                   "Greatest result; a greater one fails the attempt with RESULT_TOO_LARGE."),
      whole_number(section, "max_log_bytes", &TaskType::max_log_bytes, {0, 1024.0 * 1024 * 1024},
                   "How much log is kept of a task; what is over it is dropped and the log marked as cut."),
      whole_number(section, "cpu_seconds", &TaskType::cpu_seconds, {1, 1'000'000'000},
                   "Processor time of each process of an attempt (RLIMIT_CPU)."),
      whole_number(section, "open_files", &TaskType::open_files, {16, 1'048'576},
                   "Open descriptors of each process of an attempt (RLIMIT_NOFILE)."),
  };
}

std::string option_of(const Setting<Settings>& setting) {
  const bool is_short = setting.section == "server" || setting.section == "storage";
  return (is_short ? "" : std::string(setting.section) + "_") + std::string(setting.name);
}

std::string flag_of(std::string_view option) {
  std::string flag = "--" + std::string(option);
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

std::string variable_of(std::string_view option) {
  std::string variable = "LONGHAUL_" + std::string(option);
  std::transform(variable.begin(), variable.end(), variable.begin(),
                 [](unsigned char c) { return std::toupper(c); });
  return variable;
}

}  // namespace longhaul::server
