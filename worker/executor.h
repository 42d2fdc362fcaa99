// The port between the dispatcher and whatever runs an attempt.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/task.h"
#include "base/service.h"
#include "storage/store.h"
#include "worker/task_type.h"

namespace longhaul::worker {

// One attempt, ready to run.
struct AttemptOrder {
  api::TaskKey key;
  api::TaskId id;
  api::AttemptToken token;
  int attempt = 1;
  TaskTypePtr type;  // as it was when the attempt was claimed
  api::RawJson payload;
  std::optional<api::WallTime> deadline_at;  // for the work to know; the dispatcher enforces it
  std::string traceparent;
};

// How it went, as the executor saw it. What becomes of the task is for the dispatcher and the store.
struct AttemptReport {
  api::TaskKey key;
  api::AttemptToken token;
  bool succeeded = false;
  bool lost = false;                    // its worker died under it; says nothing about the work
  std::optional<api::RawJson> result;   // when it succeeded
  std::optional<api::TaskError> error;  // when it did not
  bool retryable = true;
  std::optional<int> exit_code;
  std::optional<int> signal;
  api::ResourceUse use;
};

// Where an executor tells what happens. Every method may be called from any thread and must not block.
class AttemptSink {
 public:
  virtual ~AttemptSink() = default;
  virtual void on_process(api::TaskKey key, api::AttemptToken token, storage::ProcessIdentity process) = 0;
  // `lines` carry no number yet. The executor has already applied the type's caps to single lines.
  virtual void on_log(api::TaskKey key, api::AttemptToken token, std::vector<api::LogLine> lines) = 0;
  virtual void on_progress(api::TaskKey key, api::AttemptToken token, api::Progress progress) = 0;
  // Exactly once for each attempt started, and only when nothing of it runs any more: for a command, when its
  // whole process tree is gone and reaped; for a thread, when the function has returned.
  virtual void on_finished(AttemptReport report) = 0;
};

// Thread-safety: begin and stop_attempt from any thread, not blocking. stop() of the service ends
//   everything that still runs and reports it as lost before it returns.
class Executor : public base::Service {
 public:
  virtual void begin(AttemptOrder order) = 0;
  // Asks the attempt to end: for a command SIGTERM, then after the type's grace SIGKILL to its whole tree;
  // for a thread its stop token. Unknown tokens and repeats are ignored.
  virtual void stop_attempt(api::AttemptToken token) = 0;
  // How many attempts can run at once in it.
  [[nodiscard]] virtual std::size_t capacity() const = 0;
};

}  // namespace longhaul::worker
