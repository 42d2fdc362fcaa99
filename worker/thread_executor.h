// Runs attempts in threads of this process, each with a stop token. Threads are made as they are needed, up
// to a limit, and end after a while without work; with none left nothing wakes up.
//
// A thread cannot be ended from outside: an attempt that was told to stop counts as stopped when its function
// returns, and what it returns is reported as it is, a result as success, a failure as failure. stop() of the
// executor waits for all of them, and reports failures as lost from then on. A result over the type's
// max_result_bytes fails the attempt (RESULT_TOO_LARGE).
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "worker/executor.h"

namespace longhaul::worker {

// What a task function may do besides returning. Lives as long as the call; any thread of the function may
// use it.
class TaskContext {
 public:
  virtual ~TaskContext() = default;
  [[nodiscard]] virtual const AttemptOrder& order() const = 0;
  [[nodiscard]] virtual std::stop_token stop_token() const = 0;
  // One line of the task's log; cut at limits::log_line_bytes, and says so then.
  virtual void log(std::string_view text) = 0;
  // `percent` is put between 0 and 100, the message cut at limits::progress_message_chars.
  virtual void progress(std::optional<double> percent, std::string_view message) = 0;
};
// The result, or why there is none. Exceptions become TASK_EXCEPTION.
struct TaskFailure {
  api::TaskError error;
  bool retryable = true;
};
[[nodiscard]] base::Failure<TaskFailure> task_failure(std::string_view code, std::string message,
                                                      bool retryable);
using TaskFunction = std::function<base::Result<api::RawJson, TaskFailure>(TaskContext&)>;

struct ThreadExecutorOptions {
  std::map<std::string, TaskFunction, std::less<>> functions;  // by type name
  std::size_t max_threads = 64;
  AttemptSink* sink = nullptr;                   // not owned
  const base::Clock* clock = nullptr;            // not owned; for the times of log lines and progress
  std::chrono::milliseconds idle_limit{10'000};  // a thread without work ends after that
};
[[nodiscard]] std::unique_ptr<Executor> make_thread_executor(ThreadExecutorOptions options);

// `echo` answers its payload. `sleep` takes {"seconds": n}, 0 to ten years, tells its progress, answers null
// and wakes at once when told to stop; any other payload is PAYLOAD_INVALID, for good.
[[nodiscard]] std::map<std::string, TaskFunction, std::less<>> builtin_functions();

}  // namespace longhaul::worker
