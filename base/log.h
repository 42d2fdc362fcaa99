// The server's own log: one line an event on standard error, level first. Built on spdlog, which only log.cc
// includes. Never logs payloads, results, keys or secrets: callers pass ids and causes.
//
// Thread-safety: all functions, any thread.
#pragma once

#include <string_view>

namespace longhaul::base {

enum class LogLevel { debug, info, warning, error, off };

void set_log_level(LogLevel level);
void log_debug(std::string_view text);
void log_info(std::string_view text);
void log_warning(std::string_view text);
void log_error(std::string_view text);

}  // namespace longhaul::base
