// A task as everybody sees it: the values that storage keeps, the worker acts on and the HTTP answers show.
// Values without behaviour: copy them freely; a shared snapshot is const.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "api/task_id.h"
#include "api/task_state.h"
#include "api/webhook_event.h"
#include "base/clock.h"
#include "base/named_type.h"

namespace longhaul::api {

using base::Milliseconds;
using base::SteadyTime;
using base::WallTime;

// The task's row in the store: short, and in order of acceptance.
using TaskKey = base::NamedType<std::int64_t, struct TaskKeyTag>;

// The fencing token of an attempt: unique over all tasks, and greater than every earlier one. 0 is none.
using AttemptToken = base::NamedType<std::int64_t, struct AttemptTokenTag>;

// Text that is exactly one JSON value, valid UTF-8, without white space between its tokens, with the digits
// it came with.
struct RawJson {
  std::string text;
  friend bool operator==(const RawJson&, const RawJson&) = default;
};

// A moment at which something becomes due. Given as a date it follows the wall clock and its steps; given as
// a duration it follows the steady one and does not.
using Due = std::variant<WallTime, SteadyTime>;

// Why a task in an attempt was told to stop. The first cause wins and is kept.
enum class StopCause : std::uint8_t { cancel, deadline, timeout };

struct Progress {
  std::optional<double> percent;  // 0..100
  std::string message;
  WallTime updated_at;
};

// Why a task or an attempt did not succeed. `code` is UPPER_SNAKE, one of task_error.h or the task's own.
struct TaskError {
  std::string code;
  std::string message;
  std::optional<std::string> reason;  // of a cancel
  std::optional<int> exit_code;
  std::optional<int> signal;
};

struct TaskSnapshot {
  TaskKey key;
  TaskId id;
  std::string type;
  std::string queue;
  int priority = 0;
  TaskState state = TaskState::queued;
  bool is_private = false;    // the start that made it may cancel it: no other was answered with it
  bool fills_cache = false;   // its result is kept for starts to come
  std::int64_t revision = 1;  // grows with each change that the ETag shows
  int attempt = 0;            // attempts claimed of the present budget
  int max_attempts = 1;
  AttemptToken token;  // of the running attempt, or of the last one
  std::optional<Milliseconds> timeout;
  WallTime created_at;
  WallTime run_at;
  std::optional<WallTime> started_at;  // of the first attempt
  std::optional<WallTime> finished_at;
  std::optional<WallTime> deadline_at;     // as shown; what is enforced is `deadline`
  std::optional<Due> due;                  // of a scheduled task
  std::optional<Due> deadline;             // of the whole task
  std::optional<Due> expiry;               // of its first start
  std::optional<StopCause> stop_cause;     // while cancelling
  std::optional<std::string> stop_reason;  // of a cancel, while cancelling
  std::vector<std::pair<std::string, std::string>> tags;
  WebhookEvents callback_events;  // empty: no callback
  std::optional<TaskError> error;
  std::optional<Progress> progress;
  std::optional<RawJson> result;  // only when succeeded
};
using TaskSnapshotPtr = std::shared_ptr<const TaskSnapshot>;

enum class AttemptOutcome : std::uint8_t { running, succeeded, failed, timed_out, cancelled, lost, released };
[[nodiscard]] std::string_view to_text(AttemptOutcome outcome);

// What was measured of a process when it ended.
struct ResourceUse {
  std::optional<std::int64_t> peak_memory_bytes;
  std::optional<double> cpu_seconds;
};

// One attempt in the history of a task.
struct AttemptRecord {
  AttemptToken token;
  int attempt = 1;
  WallTime started_at;
  std::optional<WallTime> finished_at;
  AttemptOutcome outcome = AttemptOutcome::running;
  std::optional<TaskError> error;
  std::string worker;
  std::optional<int> exit_code;
  std::optional<int> signal;
  ResourceUse use;
};

// How many deliveries of its webhooks a task has, by status.
struct DeliveryCounts {
  std::int64_t pending = 0;
  std::int64_t delivered = 0;
  std::int64_t exhausted = 0;
};

struct TaskDetail {
  TaskSnapshot task;
  RawJson payload;
  std::vector<AttemptRecord> attempts;
  DeliveryCounts deliveries;
};

struct LogLine {
  std::int64_t n = 0;  // from 1, over all attempts of the task
  WallTime at;
  std::string stream;  // "stderr", "log", "server"
  std::string text;
};

struct LogPage {
  std::vector<LogLine> lines;
  bool truncated = false;  // lines were dropped at the type's max_log_bytes
};

}  // namespace longhaul::api
