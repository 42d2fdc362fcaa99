// One thing that happened to a task, as those who watch are told of it, and the ids by which they resume.
// Values; a shared event is const.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/task.h"

namespace longhaul::server {

enum class EventKind : std::uint8_t { state, progress };
[[nodiscard]] constexpr std::string_view to_text(EventKind kind) {
  return kind == EventKind::state ? "state" : "progress";
}

struct Event {
  std::uint64_t number = 0;  // in the order of the commits, without gaps, since the server started
  EventKind kind = EventKind::state;
  api::TaskSnapshotPtr task;
};
using EventPtr = std::shared_ptr<const Event>;

// `epoch` names the run of the server that counted; `revision` is the task's, so that the end of a task is known
// again by any later server.
struct EventId {
  std::uint32_t epoch = 0;
  std::uint64_t number = 0;
  std::int64_t revision = 0;
  friend bool operator==(const EventId&, const EventId&) = default;
};
// "5f3a9c1e-1042-7"
[[nodiscard]] std::string to_text(const EventId& id);
[[nodiscard]] std::optional<EventId> parse_event_id(std::string_view text);

// Whether `event` tells something that `known`, a snapshot read at about the same time, does not.
[[nodiscard]] bool is_news(const Event& event, const api::TaskSnapshot& known);

}  // namespace longhaul::server
