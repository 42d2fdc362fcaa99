// A fixed number of threads behind a bounded queue, for calls that block (reads from disk, big JSON).
// Thread-safety: try_post from any thread; start and stop as every Service. Work posted before stop() is run
// before it returns.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/service.h"

namespace longhaul::base {

class ThreadPool final : public Service {
 public:
  struct Options {
    std::string name = "pool";
    std::size_t threads = 2;
    std::size_t max_waiting = 10'000;
  };
  explicit ThreadPool(Options options) : options_(std::move(options)) {}
  ~ThreadPool() override { stop(); }

  [[nodiscard]] std::string_view name() const override { return options_.name; }
  [[nodiscard]] Result<void> start() override;
  void stop() override;

  // False when the queue is full or the pool is not running: the work was not taken.
  [[nodiscard]] bool try_post(std::function<void()> work) EXCLUDES(mutex_);

 private:
  void run() EXCLUDES(mutex_);

  const Options options_;
  Mutex mutex_;
  CondVar wake_;
  std::deque<std::function<void()>> waiting_ GUARDED_BY(mutex_);
  bool running_ GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace longhaul::base
