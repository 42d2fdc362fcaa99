// What a task type is: how its work is run and within which limits. Values: a change makes another TaskTypes
// (task_catalog.h), and whoever still works by the old one shares it until that is done.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/limits.h"
#include "base/clock.h"

namespace longhaul::worker {

using base::Milliseconds;

enum class TaskKind : std::uint8_t { builtin, command };
enum class ResultKind : std::uint8_t { automatic, json, text };

struct TaskType {
  std::string name;
  TaskKind kind = TaskKind::command;
  std::vector<std::string> command;  // argument list; the first is the program, looked up in PATH
  ResultKind result = ResultKind::automatic;
  std::optional<Milliseconds> timeout = Milliseconds(3'600'000);  // of one attempt
  Milliseconds grace{10'000};                                     // from SIGTERM to SIGKILL
  int max_attempts = 3;
  std::optional<int> concurrency;  // none: the queue's alone
  Milliseconds retry_base{1'000};
  Milliseconds retry_cap{300'000};
  std::vector<std::pair<std::string, std::string>> environment;
  std::size_t max_body_bytes = api::limits::body_bytes;
  std::size_t max_result_bytes = api::limits::result_bytes;
  std::size_t max_log_bytes = api::limits::log_bytes;
  std::optional<std::int64_t> cpu_seconds;  // RLIMIT_CPU
  std::optional<std::int64_t> open_files;   // RLIMIT_NOFILE
  friend bool operator==(const TaskType&, const TaskType&) = default;
};

using TaskTypePtr = std::shared_ptr<const TaskType>;

struct QueueLimits {
  int concurrency = 8;
  friend bool operator==(const QueueLimits&, const QueueLimits&) = default;
};

// All types and queues the server knows. A queue that is not configured works with the defaults.
class TaskTypes {
 public:
  // Adds or replaces.
  void add(TaskType type) {
    auto added = std::make_shared<const TaskType>(std::move(type));
    types_[added->name] = std::move(added);
  }
  void set_queue(const std::string& name, QueueLimits limits) { queues_[name] = limits; }

  // Null when there is none of this name.
  [[nodiscard]] TaskTypePtr find(std::string_view name) const {
    const auto found = types_.find(name);
    return found == types_.end() ? nullptr : found->second;
  }
  [[nodiscard]] const std::map<std::string, TaskTypePtr, std::less<>>& all() const { return types_; }
  [[nodiscard]] const std::map<std::string, QueueLimits, std::less<>>& queues() const { return queues_; }
  [[nodiscard]] QueueLimits queue(std::string_view name) const {
    const auto found = queues_.find(name);
    return found == queues_.end() ? QueueLimits{} : found->second;
  }

 private:
  std::map<std::string, TaskTypePtr, std::less<>> types_;
  std::map<std::string, QueueLimits, std::less<>> queues_;
};

using TaskTypesPtr = std::shared_ptr<const TaskTypes>;

}  // namespace longhaul::worker
