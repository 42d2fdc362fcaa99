#include "api/webhook.h"

#include <array>

namespace longhaul::api {
namespace {

constexpr std::array<std::string_view, 3> cause_names = {"request", "gone", "failing"};

bool names(const std::vector<std::string>& wanted, const std::string& name) {
  return wanted.empty() || std::find(wanted.begin(), wanted.end(), name) != wanted.end();
}

// "5 days": the greatest unit of which there are two, rounded down.
std::string length_of(Milliseconds time) {
  struct Unit {
    std::string_view name;
    std::int64_t seconds;
  };
  static constexpr std::array<Unit, 3> units = {Unit{"days", 86'400}, Unit{"hours", 3'600},
                                                Unit{"minutes", 60}};
  const std::int64_t seconds = time.count() / 1000;
  for (const Unit& unit : units) {
    if (seconds >= 2 * unit.seconds)
      return std::to_string(seconds / unit.seconds) + " " + std::string(unit.name);
  }
  if (seconds == 1) return "1 second";
  return seconds == 0 ? "less than a second" : std::to_string(seconds) + " seconds";
}

}  // namespace

bool wants(const WebhookFilter& filter, WebhookEvent event, const TaskSnapshot& task) {
  const bool wanted = filter.events ? filter.events->contains(event) : is_of_task(event);
  return wanted && names(filter.types, task.type) && names(filter.queues, task.queue);
}

std::string_view to_text(DisabledCause cause) { return cause_names[static_cast<std::size_t>(cause)]; }

std::optional<DisabledCause> parse_disabled_cause(std::string_view text) {
  for (std::size_t i = 0; i < cause_names.size(); ++i) {
    if (cause_names[i] == text) return static_cast<DisabledCause>(i);
  }
  return std::nullopt;
}

std::string reason_of(const Disabled& disabled) {
  switch (disabled.cause) {
    case DisabledCause::request: return "On request.";
    case DisabledCause::gone: return "It answered 410 Gone.";
    case DisabledCause::failing: break;
  }
  if (!disabled.failed_for) return "Every attempt failed for too long.";
  return "Every attempt failed for " + length_of(*disabled.failed_for) + ".";
}

std::string endpoint_of(const WebhookId& webhook) { return "webhook:" + webhook.get().text(); }

}  // namespace longhaul::api
