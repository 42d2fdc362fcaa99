// The events that webhooks tell of, and sets of them. Values.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "api/task_state.h"

namespace longhaul::api {

// The number of an event is its bit in the database: new ones go to the end.
enum class WebhookEvent : std::uint8_t {
  task_started,
  task_retrying,
  task_succeeded,
  task_failed,
  task_cancelled,
  task_timed_out,
  webhook_test,  // asked for by hand; nobody can subscribe to it
};
inline constexpr int webhook_event_count = 7;

// Whether a callback or a webhook can ask for it.
[[nodiscard]] constexpr bool is_of_task(WebhookEvent event) { return event != WebhookEvent::webhook_test; }

[[nodiscard]] std::string_view to_text(WebhookEvent event);  // "task.succeeded"
[[nodiscard]] std::optional<WebhookEvent> parse_webhook_event(std::string_view text);
// "task.started, task.retrying, ...": those of tasks, for messages.
[[nodiscard]] std::string webhook_event_names();

// The event of a change from one state to another: nothing for a change that nobody is told of.
[[nodiscard]] std::optional<WebhookEvent> event_of(TaskState from, TaskState to);

class WebhookEvents {
 public:
  constexpr WebhookEvents() = default;
  constexpr WebhookEvents(std::initializer_list<WebhookEvent> events) {
    for (const WebhookEvent event : events) insert(event);
  }
  // Bits of events that there are not are dropped.
  [[nodiscard]] static constexpr WebhookEvents from_bits(std::uint32_t bits) {
    WebhookEvents events;
    events.bits_ = bits & ((1U << webhook_event_count) - 1);
    return events;
  }
  // Those of the final states: what a callback gets that names none.
  [[nodiscard]] static constexpr WebhookEvents final_ones() {
    return {WebhookEvent::task_succeeded, WebhookEvent::task_failed, WebhookEvent::task_cancelled,
            WebhookEvent::task_timed_out};
  }

  constexpr void insert(WebhookEvent event) { bits_ |= bit(event); }
  [[nodiscard]] constexpr bool contains(WebhookEvent event) const { return (bits_ & bit(event)) != 0; }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  [[nodiscard]] constexpr std::uint32_t bits() const { return bits_; }
  friend constexpr bool operator==(const WebhookEvents&, const WebhookEvents&) = default;

 private:
  [[nodiscard]] static constexpr std::uint32_t bit(WebhookEvent event) {
    return 1U << static_cast<unsigned>(event);
  }
  std::uint32_t bits_ = 0;
};

}  // namespace longhaul::api
