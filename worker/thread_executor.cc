#include "worker/thread_executor.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <exception>
#include <list>
#include <thread>
#include <unordered_map>
#include <utility>

#include "api/limits.h"
#include "api/log_line.h"
#include "api/task_error.h"
#include "api/utf8.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/start_thread.h"

namespace longhaul::worker {
namespace {

using FunctionResult = base::Result<api::RawJson, TaskFailure>;

struct Job {
  AttemptOrder order;
  std::stop_source stop;
};
using JobPtr = std::shared_ptr<Job>;

class Context final : public TaskContext {
 public:
  Context(const Job& job, AttemptSink& sink, const base::Clock& clock)
      : job_(job), sink_(sink), clock_(clock) {}

  [[nodiscard]] const AttemptOrder& order() const override { return job_.order; }
  [[nodiscard]] std::stop_token stop_token() const override { return job_.stop.get_token(); }

  void log(std::string_view text) override {
    sink_.on_log(job_.order.key, job_.order.token, {{0, clock_.wall(), "log", api::to_log_line(text)}});
  }

  void progress(std::optional<double> percent, std::string_view message) override {
    if (percent && !std::isfinite(*percent)) percent.reset();
    if (percent) percent = std::clamp(*percent, 0.0, 100.0);
    const std::string_view kept = api::first_chars(message, api::limits::progress_message_chars);
    sink_.on_progress(job_.order.key, job_.order.token, {percent, std::string(kept), clock_.wall()});
  }

 private:
  const Job& job_;
  AttemptSink& sink_;
  const base::Clock& clock_;
};

class ThreadExecutor final : public Executor {
 public:
  explicit ThreadExecutor(ThreadExecutorOptions options) : options_(std::move(options)) {}
  ~ThreadExecutor() override { stop(); }

  [[nodiscard]] std::string_view name() const override { return "thread executor"; }
  [[nodiscard]] base::Result<void> start() override EXCLUDES(mutex_);
  void stop() override EXCLUDES(mutex_);
  void begin(AttemptOrder order) override EXCLUDES(mutex_);
  void stop_attempt(api::AttemptToken token) override EXCLUDES(mutex_);
  [[nodiscard]] std::size_t capacity() const override { return options_.max_threads; }

 private:
  using Threads = std::list<std::thread>;

  void run(Threads::iterator self) EXCLUDES(mutex_);
  [[nodiscard]] JobPtr next_job(Threads::iterator self) EXCLUDES(mutex_);
  void call_a_thread() REQUIRES(mutex_);
  [[nodiscard]] bool add_thread() REQUIRES(mutex_);
  void execute(const Job& job) EXCLUDES(mutex_);
  [[nodiscard]] FunctionResult call_function(const Job& job) const;
  void report(const AttemptOrder& order, FunctionResult outcome) EXCLUDES(mutex_);

  const ThreadExecutorOptions options_;
  base::Mutex mutex_;
  base::CondVar wake_;
  base::CondVar thread_ended_;
  std::deque<JobPtr> waiting_ GUARDED_BY(mutex_);
  std::unordered_map<api::AttemptToken, JobPtr> jobs_ GUARDED_BY(mutex_);  // waiting and running
  Threads threads_ GUARDED_BY(mutex_);
  Threads ended_ GUARDED_BY(mutex_);  // to be joined
  std::size_t idle_ GUARDED_BY(mutex_) = 0;
  // A thread was called and has not looked yet. It calls the next one itself when there is more, so that a
  // batch of short jobs does not wake a thread for each of them.
  bool called_ GUARDED_BY(mutex_) = false;
  bool running_ GUARDED_BY(mutex_) = false;
};

base::Result<void> ThreadExecutor::start() {
  base::MutexLock lock(mutex_);
  running_ = true;
  return {};
}

void ThreadExecutor::stop() {
  std::vector<JobPtr> told;
  {
    base::MutexLock lock(mutex_);
    running_ = false;
    for (const auto& [token, job] : jobs_) told.push_back(job);
    wake_.notify_all();
  }
  for (const JobPtr& job : told) job->stop.request_stop();
  Threads ended;
  {
    base::MutexLock lock(mutex_);
    while (!threads_.empty()) thread_ended_.wait(mutex_);
    ended.swap(ended_);
  }
  for (std::thread& thread : ended) thread.join();
}

void ThreadExecutor::begin(AttemptOrder order) {
  auto job = std::make_shared<Job>();
  job->order = std::move(order);
  std::deque<JobPtr> cannot_run;
  Threads ended;
  {
    base::MutexLock lock(mutex_);
    jobs_.emplace(job->order.token, job);
    waiting_.push_back(std::move(job));
    if (!called_) call_a_thread();
    if (threads_.empty()) cannot_run.swap(waiting_);
    ended.swap(ended_);
  }
  for (std::thread& thread : ended) thread.join();  // they have left their last line
  for (const JobPtr& refused : cannot_run) {
    report(refused->order,
           task_failure(api::task_error::start_failed, "the server could not make a thread for it", true));
  }
}

void ThreadExecutor::stop_attempt(api::AttemptToken token) {
  JobPtr job;
  {
    base::MutexLock lock(mutex_);
    const auto found = jobs_.find(token);
    if (found == jobs_.end()) return;
    job = found->second;
  }
  job->stop.request_stop();  // runs the callbacks of whoever waits on the token, so not under the lock
}

// For what waits: an idle thread, else a new one, else nobody: all are busy and look here when they are done.
void ThreadExecutor::call_a_thread() {
  if (idle_ > 0) {
    called_ = true;
    wake_.notify_one();
  } else if (running_ && threads_.size() < options_.max_threads) {
    called_ = add_thread();
  }
}

bool ThreadExecutor::add_thread() {
  const auto self = threads_.emplace(threads_.end());
  auto thread = base::start_thread("task", [this, self] { run(self); });
  if (!thread) {
    base::log_warning(thread.error().message);
    threads_.erase(self);
    return false;
  }
  *self = std::move(*thread);
  return true;
}

void ThreadExecutor::run(Threads::iterator self) {
  while (const JobPtr job = next_job(self)) execute(*job);
}

JobPtr ThreadExecutor::next_job(Threads::iterator self) {
  base::MutexLock lock(mutex_);
  const auto idle_since = std::chrono::steady_clock::now();
  while (waiting_.empty()) {
    called_ = false;
    const auto left = options_.idle_limit - (std::chrono::steady_clock::now() - idle_since);
    if (!running_ || left <= left.zero()) {
      ended_.splice(ended_.end(), threads_, self);
      thread_ended_.notify_all();
      return nullptr;
    }
    ++idle_;
    wake_.wait_for(mutex_, left);
    --idle_;
  }
  JobPtr job = std::move(waiting_.front());
  waiting_.pop_front();
  called_ = false;
  if (!waiting_.empty()) call_a_thread();
  return job;
}

void ThreadExecutor::execute(const Job& job) {
  if (job.stop.stop_requested()) {
    report(job.order, task_failure(api::task_error::cancelled, "stopped before it began", true));
    return;
  }
  FunctionResult outcome = call_function(job);
  if (outcome && outcome->text.size() > job.order.type->max_result_bytes) {
    outcome = task_failure(api::task_error::result_too_large,
                           "the result has " + std::to_string(outcome->text.size()) +
                               " bytes; the limit of this type is " +
                               std::to_string(job.order.type->max_result_bytes),
                           false);
  }
  report(job.order, std::move(outcome));
}

FunctionResult ThreadExecutor::call_function(const Job& job) const {
  const auto function = options_.functions.find(job.order.type->name);
  if (function == options_.functions.end()) {
    return task_failure(api::task_error::start_failed, "there is no function for this type", false);
  }
  Context context(job, *options_.sink, *options_.clock);
  try {
    return function->second(context);
  } catch (const std::exception& error) {
    return task_failure(api::task_error::task_exception, api::to_utf8(error.what()), true);
  } catch (...) {
    return task_failure(api::task_error::task_exception, "something was thrown that is not a std::exception",
                        true);
  }
}

void ThreadExecutor::report(const AttemptOrder& order, FunctionResult outcome) {
  AttemptReport report;
  report.key = order.key;
  report.token = order.token;
  report.succeeded = outcome.ok();
  if (outcome) {
    report.result = std::move(*outcome);
  } else {
    report.error = std::move(outcome.error().error);
    report.retryable = outcome.error().retryable;
  }
  {
    base::MutexLock lock(mutex_);
    jobs_.erase(order.token);
    report.lost = !report.succeeded && !running_;
  }
  options_.sink->on_finished(std::move(report));
}

}  // namespace

base::Failure<TaskFailure> task_failure(std::string_view code, std::string message, bool retryable) {
  TaskFailure failed;
  failed.error.code = code;
  failed.error.message = std::move(message);
  failed.retryable = retryable;
  return {std::move(failed)};
}

std::unique_ptr<Executor> make_thread_executor(ThreadExecutorOptions options) {
  return std::make_unique<ThreadExecutor>(std::move(options));
}

}  // namespace longhaul::worker
