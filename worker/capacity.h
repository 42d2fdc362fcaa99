// Counts the slots that attempts hold: by queue, by type, and by the executor that runs them. A slot is
// reserved when a claim is ordered and released when the claim came back empty or the attempt's end is
// committed, so no limit is ever exceeded.
//
// Not thread-safe. Remembers only queues and types that hold a slot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "worker/task_type.h"

namespace longhaul::worker {

class Capacity {
 public:
  explicit Capacity(TaskTypesPtr types) : types_(std::move(types)) {}

  // Other limits from now on. What holds a slot keeps it, even where that is more than the new limit allows.
  void set_types(TaskTypesPtr types) { types_ = std::move(types); }

  // How many attempts the executor of this kind can run at once. 0, as at first, when there is none.
  void set_places(TaskKind kind, std::size_t places);

  [[nodiscard]] int queue_limit(std::string_view queue) const { return types_->queue(queue).concurrency; }
  [[nodiscard]] bool queue_has_room(std::string_view queue) const;
  // The type of this name, if there is an executor for it; else null.
  [[nodiscard]] TaskTypePtr served_type(std::string_view name) const;
  // Both the type's own limit and its executor's.
  [[nodiscard]] bool type_has_room(const TaskType& type) const;
  [[nodiscard]] bool executor_has_room(TaskKind kind) const;
  [[nodiscard]] bool has_room() const;  // in any executor

  void reserve(std::string_view queue, const TaskType& type);
  void release(std::string_view queue, const TaskType& type);

  [[nodiscard]] std::int64_t held_by_queue(std::string_view queue) const;
  [[nodiscard]] std::int64_t held_by_type(std::string_view type) const;
  [[nodiscard]] std::int64_t places(TaskKind kind) const;

 private:
  using Counts = std::map<std::string, std::int64_t, std::less<>>;

  struct Places {
    std::int64_t total = 0;
    std::int64_t held = 0;
  };
  [[nodiscard]] const Places& places_of(TaskKind kind) const;
  [[nodiscard]] Places& places_of(TaskKind kind);

  TaskTypesPtr types_;
  Places threads_;
  Places commands_;
  Counts by_queue_;
  Counts by_type_;
};

}  // namespace longhaul::worker
