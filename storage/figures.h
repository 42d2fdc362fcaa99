// What a store tells of itself to those who watch over it. Values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/task_state.h"
#include "storage/retention.h"
#include "storage/store_types.h"

namespace longhaul::storage {

// How often something took how long. counts[i] are those of at most bounds_seconds[i] that are over the bound
// before; the last of counts, of which there is one more, are those over all bounds.
struct DurationCounts {
  std::vector<double> bounds_seconds;
  std::vector<std::uint64_t> counts;
  double sum_seconds = 0;
};

// Since the store was opened, or now.
struct StoreFigures {
  DurationCounts commits;                // from the order to commit until the sync was over
  std::uint64_t committed_requests = 0;  // changes asked for, many to a commit
  std::uint64_t failed_commits = 0;      // transactions that were rolled back
  std::int64_t waiting_requests = 0;     // asked for and not taken up by the writer yet
  std::int64_t owed_deliveries = 0;
  std::array<std::uint64_t, final_states.size()> removed{};  // tasks, by their places in final_states
  std::uint64_t database_bytes = 0;                          // of the file
  std::uint64_t log_bytes = 0;                               // of the write-ahead log's file
  std::uint64_t free_disk_bytes = 0;                         // on the disk of the database
};

using TasksByState = std::array<std::int64_t, api::task_state_count>;

// Tasks that are not finished, by queue. Queues are named by whoever starts tasks, so only some have a line of
// their own: at most limits::named_queues, those that came first. One without such tasks keeps its line until
// another queue needs it. All others are added up.
struct QueueCounts {
  struct Line {
    std::string queue;
    TasksByState tasks{};
  };
  std::vector<Line> named;
  TasksByState others{};
  TasksByState all{};  // of all queues, the finished ones too
};

// What only the database knows.
struct StoredFigures {
  // For each queue asked for: since when the queued task is due that has been so for longest. Nothing: there is
  // none.
  std::vector<std::optional<WallTime>> oldest_due;
  // The same for all other queues, of their tasks that were created first. Nothing: none was found there.
  std::optional<WallTime> oldest_due_of_others;
  std::uint64_t free_bytes = 0;  // within the database file
};

}  // namespace longhaul::storage
