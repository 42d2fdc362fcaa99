// Removes finished tasks, with all that belongs to them, within a budget. Belongs to the writer's thread.
// Errors: SqlError.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "storage/sqlite/task_row.h"
#include "storage/sqlite/write_transaction.h"

namespace longhaul::storage {

// What a slice may do: so many tasks, and so long. With company (changes that others wait for in the same
// transaction) it does no more than they do, so that they wait at most twice as long; alone it stays short
// enough for whoever comes next.
class PurgeBudget {
 public:
  static constexpr std::int64_t most_tasks = 128;
  static constexpr std::int64_t fewest_tasks = 8;
  static constexpr std::int64_t gentle_tasks = 32;
  static constexpr base::Milliseconds longest{8};
  static constexpr base::Milliseconds longest_while_others_work{2};
  // What counts as much as a task.
  static constexpr std::int64_t log_lines_of_a_task = 32;
  static constexpr std::int64_t keys_of_a_task = 8;
  static constexpr std::int64_t pieces_of_space = 16;  // tasks that a piece of the file counts as

  PurgeBudget(std::size_t company, bool gently, const base::Clock& clock)
      : clock_(clock),
        end_(clock.boot() + (company > 0 || gently ? longest_while_others_work : longest)),
        tasks_(tasks_for(static_cast<std::int64_t>(company), gently)) {}

  [[nodiscard]] std::int64_t tasks_left() const { return tasks_; }
  [[nodiscard]] bool is_spent() const { return tasks_ <= 0 || clock_.boot() >= end_; }
  void spend(std::int64_t tasks) { tasks_ -= tasks; }

 private:
  static std::int64_t tasks_for(std::int64_t company, bool gently) {
    if (company > 0) return std::clamp(company, fewest_tasks, most_tasks);
    return gently ? gentle_tasks : most_tasks;
  }

  const base::Clock& clock_;
  const base::BootTime end_;
  std::int64_t tasks_;
};

struct FinishedTask {
  TaskKey key;
  WallTime finished_at;
  TaskId id;
  std::string queue;
  TaskState state = TaskState::succeeded;
  Tags tags;
  bool was_attempted = false;
  std::optional<bool> owes_delivery;      // none: it has no deliveries
  std::optional<std::int64_t> log_lines;  // none: it has no log, and nothing is known of one
};

// Those of one final state, in the order in which they ended, from behind a moment and a key.
struct FinishedRange {
  TaskState state = TaskState::succeeded;
  WallTime until;
  WallTime after_finished;
  TaskKey after_key;
};
[[nodiscard]] std::vector<FinishedTask> read_finished(WriteTransaction& transaction,
                                                      const FinishedRange& range, std::int64_t limit);

// False: only a part of its log is gone so far, and the budget is spent. The task must owe no delivery.
[[nodiscard]] bool remove_task(WriteTransaction& transaction, const FinishedTask& task, PurgeBudget& budget);

// Removes keys whose tasks went at `until` or before. Returns how many.
std::int64_t remove_keys(WriteTransaction& transaction, WallTime until, PurgeBudget& budget);

}  // namespace longhaul::storage
