// What an attempt says while it runs, log lines and its newest progress, gathered for one task and written as
// one request.
#pragma once

#include <deque>
#include <functional>

#include "storage/sqlite/write_request.h"

namespace longhaul::storage {

struct Notes {
  TaskKey key;
  AttemptToken token;
  std::deque<api::LogLine> lines;
  std::size_t bytes = 0;      // of the lines, as the cap counts them
  std::size_t max_bytes = 0;  // of the whole task's log
  bool truncated = false;     // lines were dropped on the way here
  std::optional<api::Progress> progress;
};

// What a line counts against the cap: its text and a line end, as the program wrote it.
[[nodiscard]] inline std::size_t log_bytes_of(const api::LogLine& line) { return line.text.size() + 1; }

class NotesRequest final : public WriteRequest {
 public:
  // `on_lost` is called when they could not be written, so that the log can be marked as cut later.
  NotesRequest(Notes notes, std::function<void(const Notes&)> on_lost)
      : notes_(std::move(notes)), on_lost_(std::move(on_lost)) {}
  void apply(WriteTransaction& transaction) override;
  void answer() override {}
  void refuse(const StoreError& error) override;

 private:
  // The number of the last line when lines were written, else 0.
  [[nodiscard]] std::int64_t write_lines(WriteTransaction& transaction);
  void write_progress(WriteTransaction& transaction, const api::TaskSnapshot& task);

  const Notes notes_;
  const std::function<void(const Notes&)> on_lost_;
};

}  // namespace longhaul::storage
