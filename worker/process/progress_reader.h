// Reads an attempt's progress descriptor: JSON lines {"percent": 0..100, "message": "..."}, each of the two
// optional, null allowed. Keeps the newest and hands it on no more than about four times a second. Other
// lines belong into the log.
//
// Not thread-safe: the command-io thread's own.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string_view>

#include "api/task.h"
#include "worker/process/line_splitter.h"

namespace longhaul::worker::process {

// Nothing when the line is not a progress line.
[[nodiscard]] std::optional<api::Progress> parse_progress(std::string_view line, api::WallTime now);

class ProgressReader {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds pause{250};

  ProgressReader();
  void feed(std::string_view bytes, api::WallTime now, const LineSplitter::Take& other_line);
  void end(api::WallTime now, const LineSplitter::Take& other_line);

  [[nodiscard]] bool has_news() const { return newest_.has_value(); }
  // The newest, when the last one is long enough ago.
  [[nodiscard]] std::optional<api::Progress> take(Clock::time_point now);
  // The newest, whenever the last one was.
  [[nodiscard]] std::optional<api::Progress> take_last();

 private:
  void take_line(const LineSplitter::Line& line, api::WallTime now, const LineSplitter::Take& other_line);

  LineSplitter splitter_;
  std::optional<api::Progress> newest_;
  std::optional<Clock::time_point> taken_at_;
};

}  // namespace longhaul::worker::process
