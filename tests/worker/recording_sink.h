// An AttemptSink that remembers what it was told and lets a test wait for it.
// Thread-safety: every method from any thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "tests/worker/patience.h"
#include "worker/executor.h"

namespace longhaul::tests {

class RecordingSink final : public worker::AttemptSink {
 public:
  void on_process(api::TaskKey, api::AttemptToken, storage::ProcessIdentity) override {}
  void on_log(api::TaskKey, api::AttemptToken token, std::vector<api::LogLine> lines) override {
    base::MutexLock lock(mutex_);
    auto& kept = lines_[token];
    kept.insert(kept.end(), lines.begin(), lines.end());
  }
  void on_progress(api::TaskKey, api::AttemptToken token, api::Progress progress) override {
    base::MutexLock lock(mutex_);
    progress_[token] = std::move(progress);
    changed_.notify_all();
  }
  void on_finished(worker::AttemptReport report) override {
    base::MutexLock lock(mutex_);
    ++report_count_;
    reports_[report.token] = std::move(report);
    changed_.notify_all();
  }

  worker::AttemptReport wait_for(api::AttemptToken token) {
    base::MutexLock lock(mutex_);
    Patience left("the report of an attempt");
    while (!reports_.contains(token)) left.wait(changed_, mutex_);
    return reports_[token];
  }
  api::Progress wait_for_progress(api::AttemptToken token) {
    base::MutexLock lock(mutex_);
    Patience left("progress");
    while (!progress_.contains(token)) left.wait(changed_, mutex_);
    return progress_[token];
  }
  void wait_for_reports(std::size_t count) {
    base::MutexLock lock(mutex_);
    Patience left(std::to_string(count) + " reports");
    while (report_count_ < count) left.wait(changed_, mutex_);
  }
  std::vector<api::LogLine> lines_of(api::AttemptToken token) {
    base::MutexLock lock(mutex_);
    return lines_[token];
  }
  std::size_t report_count() {
    base::MutexLock lock(mutex_);
    return report_count_;
  }

 private:
  base::Mutex mutex_;
  base::CondVar changed_;
  std::map<api::AttemptToken, worker::AttemptReport> reports_ GUARDED_BY(mutex_);
  std::map<api::AttemptToken, api::Progress> progress_ GUARDED_BY(mutex_);
  std::map<api::AttemptToken, std::vector<api::LogLine>> lines_ GUARDED_BY(mutex_);
  std::size_t report_count_ GUARDED_BY(mutex_) = 0;
};

// Threads of this process with that name.
inline std::size_t thread_count(const std::string& name) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(entry.path() / "comm");
    std::string comm;
    if (std::getline(file, comm) && comm == name) ++count;
  }
  return count;
}
inline void wait_for_thread_count(const std::string& name, std::size_t count) {
  const Patience left(std::to_string(count) + " threads called " + name);
  while (thread_count(name) != count) left.yield();
}

}  // namespace longhaul::tests
