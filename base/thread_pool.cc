#include "base/thread_pool.h"

#include <utility>

#include "base/start_thread.h"

namespace longhaul::base {

Result<void> ThreadPool::start() {
  {
    MutexLock lock(mutex_);
    running_ = true;
  }
  for (std::size_t i = 0; i < options_.threads; ++i) {
    auto thread = start_thread(options_.name, [this] { run(); });
    if (!thread) {
      stop();  // those that were made
      return fail(thread.error().message);
    }
    threads_.push_back(std::move(*thread));
  }
  return {};
}

void ThreadPool::stop() {
  {
    MutexLock lock(mutex_);
    running_ = false;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

bool ThreadPool::try_post(std::function<void()> work) {
  {
    MutexLock lock(mutex_);
    if (!running_ || waiting_.size() >= options_.max_waiting) return false;
    waiting_.push_back(std::move(work));
  }
  wake_.notify_one();
  return true;
}

void ThreadPool::run() {
  for (;;) {
    std::function<void()> work;
    {
      MutexLock lock(mutex_);
      while (running_ && waiting_.empty()) wake_.wait(mutex_);
      if (waiting_.empty()) return;
      work = std::move(waiting_.front());
      waiting_.pop_front();
    }
    work();
  }
}

}  // namespace longhaul::base
