// The texts of statuses that are polled again and again. A snapshot never changes, so its text is good for as
// long as the store gives out that very snapshot; nothing has to be told when a task changes.
//
// Not thread-safe: the loop's own. Bounded: a fixed number of places, each taken by whatever came last, and
// no text over `max_text_bytes`.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>

#include "api/task.h"
#include "api/task_json.h"

namespace longhaul::server {

class StatusTexts {
 public:
  static constexpr std::size_t max_text_bytes = 2048;

  // The status of a task that waits for nothing. What another waits for has to be told anew each time.
  [[nodiscard]] std::string text_of(const api::TaskSnapshotPtr& task) {
    Entry& entry = entries_[std::hash<api::TaskId>()(task->id) % entries_.size()];
    if (entry.task != task) {
      std::string text = api::status_json(*task, std::nullopt);
      if (text.size() > max_text_bytes) return text;
      entry = {task, std::move(text)};
    }
    return entry.text;
  }

 private:
  // Holds on to its snapshot, so that no later one can be mistaken for it by its address.
  struct Entry {
    api::TaskSnapshotPtr task;
    std::string text;
  };
  std::array<Entry, 509> entries_;  // a prime number: ids hash to what is random in them, not in every bit
};

}  // namespace longhaul::server
