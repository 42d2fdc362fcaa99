#include "worker/process/progress_reader.h"

#include <string>
#include <utility>

#include "api/json_reader.h"
#include "api/limits.h"
#include "api/utf8.h"

namespace longhaul::worker::process {

std::optional<api::Progress> parse_progress(std::string_view line, api::WallTime now) {
  const auto json = api::read_json(line);
  if (!json || api::kind_of(*json) != api::JsonKind::object) return {};
  api::Progress progress;
  progress.updated_at = now;
  bool any = false;
  for (const auto& [name, value] : api::members_of(*json)) {
    if (name != "percent" && name != "message") continue;
    any = true;
    if (api::kind_of(value) == api::JsonKind::null) continue;
    if (name == "percent") {
      progress.percent = api::number_of(value);
      if (!progress.percent || !(*progress.percent >= 0 && *progress.percent <= 100)) return {};
    } else {
      const auto message = api::string_of(value);
      if (!message) return {};
      progress.message = api::first_chars(*message, api::limits::progress_message_chars);
    }
  }
  if (!any) return {};
  return progress;
}

ProgressReader::ProgressReader() : splitter_(api::limits::log_line_bytes) {}

void ProgressReader::feed(std::string_view bytes, api::WallTime now, const LineSplitter::Take& other_line) {
  splitter_.feed(bytes, [&](const LineSplitter::Line& line) { take_line(line, now, other_line); });
}

void ProgressReader::end(api::WallTime now, const LineSplitter::Take& other_line) {
  splitter_.end([&](const LineSplitter::Line& line) { take_line(line, now, other_line); });
}

void ProgressReader::take_line(const LineSplitter::Line& line, api::WallTime now,
                               const LineSplitter::Take& other_line) {
  auto progress = line.cut ? std::nullopt : parse_progress(line.bytes, now);
  if (progress)
    newest_ = std::move(progress);
  else if (!line.bytes.empty())
    other_line(line);
}

std::optional<api::Progress> ProgressReader::take(Clock::time_point now) {
  if (!newest_ || (taken_at_ && now - *taken_at_ < pause)) return {};
  taken_at_ = now;
  return take_last();
}

std::optional<api::Progress> ProgressReader::take_last() { return std::exchange(newest_, std::nullopt); }

}  // namespace longhaul::worker::process
