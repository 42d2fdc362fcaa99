#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>

#include "base/log_text.h"

namespace longhaul::base {
namespace {

constexpr const char* text_pattern = "%Y-%m-%dT%H:%M:%S.%eZ %l %v";
constexpr const char* json_pattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})";

struct Log {
  Log() {
    logger.set_pattern(text_pattern, spdlog::pattern_time_type::utc);
    logger.flush_on(spdlog::level::info);
  }
  spdlog::logger logger{"longhaul", std::make_shared<spdlog::sinks::stderr_sink_mt>()};
  std::atomic<LogFormat> format{LogFormat::text};
};

Log& the_log() {
  static Log instance;
  return instance;
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warning: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
    case LogLevel::off: return spdlog::level::off;
  }
  return spdlog::level::info;
}

}  // namespace

void set_log_level(LogLevel level) { the_log().logger.set_level(to_spdlog(level)); }

void set_log_format(LogFormat format) {
  Log& log = the_log();
  log.format = format;
  log.logger.set_pattern(format == LogFormat::json ? json_pattern : text_pattern,
                         spdlog::pattern_time_type::utc);
}

bool log_is_on(LogLevel level) { return the_log().logger.should_log(to_spdlog(level)); }

void write_log(LogLevel level, std::string_view event, std::span<const LogField> fields) {
  if (!log_is_on(level)) return;
  Log& log = the_log();
  const std::string line =
      log.format == LogFormat::json ? log_as_json(event, fields) : log_as_text(event, fields);
  log.logger.log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

void log_debug(std::string_view event, std::initializer_list<LogField> fields) {
  write_log(LogLevel::debug, event, fields);
}
void log_info(std::string_view event, std::initializer_list<LogField> fields) {
  write_log(LogLevel::info, event, fields);
}
void log_warning(std::string_view event, std::initializer_list<LogField> fields) {
  write_log(LogLevel::warning, event, fields);
}
void log_error(std::string_view event, std::initializer_list<LogField> fields) {
  write_log(LogLevel::error, event, fields);
}

}  // namespace longhaul::base
