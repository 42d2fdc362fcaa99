// Makes an attempt's log of what its program writes to stderr: lines, cut where they are too long, collected
// into batches, up to and with the first one that goes over so many bytes in all: the store keeps what is
// within and marks the log as cut. Memory stays flat whatever comes.
//
// Not thread-safe: the command-io thread's own.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "api/task.h"
#include "worker/process/line_splitter.h"

namespace longhaul::worker::process {

class LogCollector {
 public:
  explicit LogCollector(std::size_t max_bytes);

  void feed(std::string_view bytes, api::WallTime now);
  // A line that did not come through stderr.
  void add(std::string_view stream, std::string_view text, bool cut, api::WallTime now);
  // No more will come.
  void end(api::WallTime now);

  [[nodiscard]] bool has_lines() const { return !batch_.empty(); }
  // Big enough to be handed on without waiting for more.
  [[nodiscard]] bool is_full() const;
  [[nodiscard]] std::vector<api::LogLine> take();

  // The last line on stderr that was not blank, for the error of an attempt that failed. Followed even over
  // the cap.
  [[nodiscard]] std::string last_line() const;

 private:
  void add_stderr(const LineSplitter::Line& line, api::WallTime now);

  const std::size_t max_bytes_;
  LineSplitter splitter_;
  std::vector<api::LogLine> batch_;
  std::size_t batch_bytes_ = 0;
  std::size_t passed_bytes_ = 0;
  bool over_ = false;
  std::string last_line_;
};

}  // namespace longhaul::worker::process
