// The server's own log: one line an event on standard error. An event is a fixed text and fields: what varies,
// and above all what came from outside, goes into a field, where it cannot be taken for anything else. Built on
// spdlog, which only log.cc includes.
//
//   text   2026-01-31T12:00:00.000Z info task failed task_id=019f... code=EXIT_CODE
//          Values with anything but plain characters are quoted; control characters, and what is no UTF-8, are
//          escaped, so that nobody can forge a line or steer a terminal.
//   json   {"time":"2026-01-31T12:00:00.000Z","level":"info","message":"task failed","task_id":"019f...",...}
//          One object a line; what is no UTF-8 is replaced by U+FFFD.
//
// Never logs payloads, results, keys, secrets, query strings or what a callback URL has behind its origin:
// callers pass ids and causes. A level that is off costs a comparison; ask log_is_on() before fields are made
// that cost anything.
//
// Thread-safety: all functions, any thread.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace longhaul::base {

enum class LogLevel : std::uint8_t { debug, info, warning, error, off };
enum class LogFormat : std::uint8_t { text, json };

// Texts are not copied: they live until the call returns.
class LogValue {
 public:
  LogValue(std::string_view text) : value_(text) {}                      // NOLINT: meant to convert
  LogValue(const std::string& text) : value_(std::string_view(text)) {}  // NOLINT
  LogValue(const char* text) : value_(std::string_view(text)) {}         // NOLINT
  LogValue(bool value) : value_(value) {}                                // NOLINT
  LogValue(double value) : value_(value) {}                              // NOLINT
  template <std::integral Whole>
  LogValue(Whole value) : value_(static_cast<std::int64_t>(value)) {}  // NOLINT

  using Kinds = std::variant<std::string_view, std::int64_t, double, bool>;
  [[nodiscard]] const Kinds& get() const { return value_; }

 private:
  Kinds value_;
};

// `name` is ours: lower case and underscores, none of time, level, message.
struct LogField {
  std::string_view name;
  LogValue value;
};

void set_log_level(LogLevel level);
void set_log_format(LogFormat format);
[[nodiscard]] bool log_is_on(LogLevel level);

void write_log(LogLevel level, std::string_view event, std::span<const LogField> fields);
void log_debug(std::string_view event, std::initializer_list<LogField> fields = {});
void log_info(std::string_view event, std::initializer_list<LogField> fields = {});
void log_warning(std::string_view event, std::initializer_list<LogField> fields = {});
void log_error(std::string_view event, std::initializer_list<LogField> fields = {});

}  // namespace longhaul::base
