#include "api/webhook_event.h"

#include <array>

namespace longhaul::api {
namespace {

constexpr std::array<std::string_view, webhook_event_count> event_names = {
    "task.started",   "task.retrying",  "task.succeeded", "task.failed",
    "task.cancelled", "task.timed_out", "webhook.test"};

}  // namespace

std::string_view to_text(WebhookEvent event) { return event_names[static_cast<std::size_t>(event)]; }

std::optional<WebhookEvent> parse_webhook_event(std::string_view text) {
  for (std::size_t i = 0; i < event_names.size(); ++i) {
    if (event_names[i] == text) return static_cast<WebhookEvent>(i);
  }
  return std::nullopt;
}

std::string webhook_event_names() {
  std::string names;
  for (std::size_t i = 0; i < event_names.size(); ++i) {
    const std::string_view name = event_names[i];
    if (!is_of_task(static_cast<WebhookEvent>(i))) continue;
    if (!names.empty()) names += ", ";
    names += name;
  }
  return names;
}

std::optional<WebhookEvent> event_of(TaskState from, TaskState to) {
  switch (to) {
    case TaskState::running: return WebhookEvent::task_started;
    case TaskState::scheduled:
      if (from == TaskState::running) return WebhookEvent::task_retrying;
      return std::nullopt;
    case TaskState::succeeded: return WebhookEvent::task_succeeded;
    case TaskState::failed: return WebhookEvent::task_failed;
    case TaskState::cancelled: return WebhookEvent::task_cancelled;
    case TaskState::timed_out: return WebhookEvent::task_timed_out;
    default: return std::nullopt;
  }
}

}  // namespace longhaul::api
