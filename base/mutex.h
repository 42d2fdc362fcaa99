// A mutex whose use the compiler checks: clang's -Wthread-safety reads these annotations, other compilers
// ignore them. https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define LONGHAUL_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define LONGHAUL_THREAD_ANNOTATION(x)
#endif
#define GUARDED_BY(x) LONGHAUL_THREAD_ANNOTATION(guarded_by(x))
#define REQUIRES(...) LONGHAUL_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) LONGHAUL_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))

namespace longhaul::base {

class LONGHAUL_THREAD_ANNOTATION(capability("mutex")) Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;
  void lock() LONGHAUL_THREAD_ANNOTATION(acquire_capability()) { mutex_.lock(); }
  void unlock() LONGHAUL_THREAD_ANNOTATION(release_capability()) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class LONGHAUL_THREAD_ANNOTATION(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) LONGHAUL_THREAD_ANNOTATION(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() LONGHAUL_THREAD_ANNOTATION(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Waits on a Mutex that the caller holds. Spurious wake-ups happen: wait in a loop over the condition.
class CondVar {
 public:
  void wait(Mutex& mutex) REQUIRES(mutex) { condition_.wait(mutex); }
  void wait_for(Mutex& mutex, std::chrono::nanoseconds limit) REQUIRES(mutex) {
    condition_.wait_for(mutex, limit);
  }
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

 private:
  std::condition_variable_any condition_;
};

}  // namespace longhaul::base
