#include "server/cli/status_text.h"

#include <cmath>

#include "api/task_state.h"
#include "server/cli/terminal.h"
#include "server/cli/text_table.h"

namespace longhaul::server {
namespace {

std::string percent_text(const JsonObject& progress) {
  const auto percent = progress.number("percent");
  return percent ? std::to_string(std::llround(*percent)) + " %" : "";
}

std::string progress_text(const JsonObject& status) {
  const auto progress = status.object("progress");
  return progress ? joined(percent_text(*progress), progress->text("message"), "  ") : "";
}

std::string attempt_text(const JsonObject& status) {
  return status.text("attempt") + " of " + status.text("max_attempts");
}

std::string error_text(const JsonObject& status) {
  const auto error = status.object("error");
  if (!error) return "";
  return joined(joined(error->text("code"), error->text("message"), ": "), error->text("reason"),
                "; reason: ");
}

std::string waiting_text(const JsonObject& status) {
  const auto waiting = status.object("waiting_for");
  return waiting ? joined(waiting->text("reason"), waiting->text("detail"), ": ") : "";
}

std::string tags_text(const JsonObject& status) {
  std::string text;
  const auto tags = status.object("tags");
  if (!tags) return text;
  for (const auto& [name, value] : tags->members()) text = joined(text, name + "=" + plain_text(value), ", ");
  return text;
}

}  // namespace

std::string status_text(const JsonObject& status) {
  return text_block({
      {"task", status.text("task_id")},
      {"type", status.text("type")},
      {"queue", status.text("queue")},
      {"status", status.text("status")},
      {"waiting", waiting_text(status)},
      {"attempt", attempt_text(status)},
      {"progress", status.text("status") == "succeeded" ? "" : progress_text(status)},
      {"created", status.text("created_at")},
      {"not before", status.text("run_at") == status.text("created_at") ? "" : status.text("run_at")},
      {"deadline", status.text("deadline_at")},
      {"started", status.text("started_at")},
      {"finished", status.text("finished_at")},
      {"tags", tags_text(status)},
      {"error", error_text(status)},
      {"cached", status.text("cached_at")},
      {"result", status.find("result").value_or(api::RawJson{}).text},
  });
}

std::string progress_line(const JsonObject& status) {
  std::string line = status.text("status");
  line = joined(line, progress_text(status), "  ");
  line = joined(line, waiting_text(status), "  ");
  if (status.text("attempt") != "0") line += "  (attempt " + attempt_text(status) + ")";
  return printable(line);
}

std::string task_table(const std::vector<JsonObject>& tasks) {
  std::vector<std::vector<std::string>> rows = {{"TASK", "STATUS", "TYPE", "QUEUE", "ATTEMPT", "CREATED"}};
  for (const JsonObject& task : tasks) {
    rows.push_back({task.text("task_id"), task.text("status"), task.text("type"), task.text("queue"),
                    task.text("attempt") + "/" + task.text("max_attempts"), task.text("created_at")});
  }
  return text_table(rows);
}

bool is_final_status(const JsonObject& status) {
  const auto state = api::parse_task_state(status.text("status"));
  return state && api::is_final(*state);
}

}  // namespace longhaul::server
