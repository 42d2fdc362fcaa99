// An HTTP server that is only a loop, which turns when a test tells it to.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "server/http/http_server.h"

namespace longhaul::server {

// A loop that turns when it is told to.
class ManualLoop final : public HttpServer {
 public:
  [[nodiscard]] std::string_view name() const override { return "loop"; }
  [[nodiscard]] base::Result<void> start() override { return {}; }
  void stop() override {}
  void route(std::string_view, std::string_view, Handler) override {}
  void set_gate(Gate) override {}
  void set_max_body_bytes(std::size_t /*bytes*/) override {}
  void begin_drain() override {}
  [[nodiscard]] std::uint16_t port() const override { return 0; }
  [[nodiscard]] Counters counters() const override { return {}; }

  void post(std::function<void()> work) override {
    base::MutexLock lock(mutex_);
    posted_.push_back(std::move(work));
  }
  TimerId call_at(base::BootTime when, std::function<void()> work) override {
    timers_[++last_timer_] = {when, std::move(work)};
    return last_timer_;
  }
  void cancel_timer(TimerId id) override { timers_.erase(id); }

  // Runs what has been posted. Returns how much that was.
  std::size_t turn() {
    std::vector<std::function<void()>> work;
    {
      base::MutexLock lock(mutex_);
      work.swap(posted_);
    }
    for (const auto& piece : work) piece();
    return work.size();
  }
  void pass_to(base::BootTime now) {
    while (true) {
      const auto due =
          std::find_if(timers_.begin(), timers_.end(), [&](const auto& t) { return t.second.first <= now; });
      if (due == timers_.end()) return;
      const auto work = std::move(due->second.second);
      timers_.erase(due);
      work();
    }
  }
  [[nodiscard]] std::size_t timers() const { return timers_.size(); }

 private:
  base::Mutex mutex_;
  std::vector<std::function<void()>> posted_ GUARDED_BY(mutex_);
  std::map<TimerId, std::pair<base::BootTime, std::function<void()>>> timers_;
  TimerId last_timer_ = 0;
};

}  // namespace longhaul::server
