#include "storage/sqlite/requests/notes.h"

#include "base/log.h"

namespace longhaul::storage {
namespace {

struct LogTotals {
  std::int64_t lines = 0;
  std::int64_t bytes = 0;
  bool truncated = false;
};

LogTotals read_totals(WriteTransaction& transaction, TaskKey key) {
  Query query = transaction.use("log_totals");
  if (!query.bind(key).row()) return {};
  return {query.integer(0), query.integer(1), query.integer(2) != 0};
}

}  // namespace

void NotesRequest::apply(WriteTransaction& transaction) {
  const TaskSnapshotPtr task = transaction.find(notes_.key);
  if (!task || notes_.token > task->token) return;  // no such attempt
  std::int64_t last_line = 0;
  if (!notes_.lines.empty() || notes_.truncated) last_line = write_lines(transaction);
  const bool has_progress = notes_.progress && notes_.token == task->token && api::is_active(task->state);
  if (has_progress) write_progress(transaction, *task);
  if (has_progress || last_line > 0) transaction.note_said(task, has_progress, last_line);
}

std::int64_t NotesRequest::write_lines(WriteTransaction& transaction) {
  LogTotals totals = read_totals(transaction, notes_.key);
  const bool was_truncated = totals.truncated;
  totals.truncated = totals.truncated || notes_.truncated;
  const auto max_bytes = static_cast<std::int64_t>(notes_.max_bytes);
  std::int64_t written = 0;
  for (const api::LogLine& line : notes_.lines) {
    const auto bytes = static_cast<std::int64_t>(log_bytes_of(line));
    // Once cut, the rest goes too: a log with holes would read as whole.
    if (was_truncated || totals.bytes + bytes > max_bytes) {
      totals.truncated = true;
      break;
    }
    totals.bytes += bytes;
    ++totals.lines;
    ++written;
    transaction.use("insert_log_line").bind(notes_.key, totals.lines, line.at, line.stream, line.text).run();
  }
  if (written == 0 && totals.truncated == was_truncated) return 0;
  transaction.use("set_log_totals")
      .bind(notes_.key, totals.lines, totals.bytes, totals.truncated ? 1 : 0)
      .run();
  return written == 0 ? 0 : totals.lines;
}

void NotesRequest::write_progress(WriteTransaction& transaction, const api::TaskSnapshot& task) {
  const api::Progress& progress = *notes_.progress;
  transaction.use("record_progress")
      .bind(progress.percent, progress.message, progress.updated_at, notes_.key, notes_.token)
      .run_guarded();
  api::TaskSnapshot next = task;
  next.progress = progress;
  transaction.refresh(std::move(next));
}

void NotesRequest::refuse(const StoreError& error) {
  base::log_warning("log lines or progress of a task could not be written", {{"error", error.message}});
  on_lost_(notes_);
}

}  // namespace longhaul::storage
