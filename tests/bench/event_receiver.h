// A receiver of webhooks that does the least it can: an epoll loop that finds the end of each request and answers 204,
// on connections that stay. A thread of its own, which ends with it.
//
// Thread-safety: every method from any thread; the hook is called by the receiver's thread.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>

#include "base/mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace longhaul::bench {

class EventReceiver {
 public:
  using Clock = std::chrono::steady_clock;
  struct Options {
    bool answers = true;  // else it takes everything and says nothing
    // If set, sees each request: its head, with the empty line, and its body. Valid during the call.
    std::function<void(std::string_view head, std::string_view body)> on_request;
  };
  // What came since the last restart_tally().
  struct Tally {
    std::uint64_t requests = 0;
    Clock::time_point first{};
    Clock::time_point last{};
    // From the first to the last of them.
    [[nodiscard]] double seconds() const { return std::chrono::duration<double>(last - first).count(); }
  };

  explicit EventReceiver(Options options) : options_(std::move(options)) {}
  ~EventReceiver();
  EventReceiver(const EventReceiver&) = delete;
  EventReceiver& operator=(const EventReceiver&) = delete;

  [[nodiscard]] base::Result<void> start();
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }

  // From hold() on it answers nothing; release() answers what came meanwhile, and begins a new tally with that.
  void hold() EXCLUDES(mutex_);
  void release() EXCLUDES(mutex_);
  void restart_tally() EXCLUDES(mutex_);
  // What came until there were so many; fails when nothing has come for a minute.
  [[nodiscard]] base::Result<Tally> wait_for(std::uint64_t requests) EXCLUDES(mutex_);

 private:
  void run();
  [[nodiscard]] bool watch(int fd);
  void accept_all();
  void take_from(int fd);
  // How many requests were whole; they are cut off from the text.
  [[nodiscard]] std::uint64_t take_requests(std::string& text);
  // Those that are to be answered now: of this connection, none while they are held.
  [[nodiscard]] std::uint64_t count(int fd, std::uint64_t requests) EXCLUDES(mutex_);
  void answer(int fd, std::uint64_t requests) const;
  void answer_held() EXCLUDES(mutex_);
  void ring() const;

  const Options options_;
  base::UniqueFd listener_;
  base::UniqueFd epoll_;
  base::UniqueFd bell_;
  std::uint16_t port_ = 0;
  std::unordered_map<int, std::string> begun_;  // connections, with what they have sent of a request
  std::array<char, 64 * 1024> buffer_{};
  std::atomic<bool> ends_ = false;

  base::Mutex mutex_;
  base::CondVar enough_;
  Tally tally_ GUARDED_BY(mutex_);
  std::uint64_t wanted_ GUARDED_BY(mutex_) = 0;  // 0: nobody waits
  bool holds_ GUARDED_BY(mutex_) = false;
  std::unordered_map<int, std::uint64_t> held_ GUARDED_BY(mutex_);  // requests, by connection

  std::thread thread_;
};

}  // namespace longhaul::bench
