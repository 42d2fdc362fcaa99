#include "worker/process/log_collector.h"

#include <utility>

#include "api/limits.h"
#include "api/log_line.h"
#include "api/utf8.h"

namespace longhaul::worker::process {
namespace {

constexpr std::size_t full_batch_bytes = 64 * 1024;
constexpr std::size_t full_batch_lines = 500;
constexpr std::size_t last_line_bytes = 300;
constexpr std::size_t line_overhead_bytes = 1;  // its end: the store counts the same way

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r") == std::string_view::npos; }

}  // namespace

LogCollector::LogCollector(std::size_t max_bytes)
    : max_bytes_(max_bytes), splitter_(api::limits::log_line_bytes) {}

void LogCollector::feed(std::string_view bytes, api::WallTime now) {
  splitter_.feed(bytes, [&](const LineSplitter::Line& line) { add_stderr(line, now); });
}

void LogCollector::end(api::WallTime now) {
  splitter_.end([&](const LineSplitter::Line& line) { add_stderr(line, now); });
}

void LogCollector::add_stderr(const LineSplitter::Line& line, api::WallTime now) {
  if (!is_blank(line.bytes)) last_line_.assign(line.bytes.substr(0, last_line_bytes));
  add("stderr", line.bytes, line.cut, now);
}

void LogCollector::add(std::string_view stream, std::string_view text, bool cut, api::WallTime now) {
  if (over_) return;
  std::string line = api::to_log_line(text, cut);
  const std::size_t size = line.size() + line_overhead_bytes;
  // The first line over the cap is handed on too: the store drops it, and so knows that the log was cut.
  over_ = passed_bytes_ + size > max_bytes_;
  passed_bytes_ += size;
  batch_bytes_ += size;
  batch_.push_back({0, now, std::string(stream), std::move(line)});
}

bool LogCollector::is_full() const {
  return batch_bytes_ >= full_batch_bytes || batch_.size() >= full_batch_lines;
}

std::vector<api::LogLine> LogCollector::take() {
  batch_bytes_ = 0;
  return std::exchange(batch_, {});
}

std::string LogCollector::last_line() const {
  const std::string clean = api::to_utf8(last_line_);
  return std::string(api::first_bytes(clean, last_line_bytes));
}

}  // namespace longhaul::worker::process
