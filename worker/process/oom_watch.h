// Tells whether the kernel has killed processes for want of memory lately. It keeps one count for the whole
// machine, limits of control groups included, so this is a hint and no proof: the message says so.
//
// Not thread-safe: the command-io thread's own.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace longhaul::worker::process {

class OomWatch {
 public:
  explicit OomWatch(std::string counter_file = "/proc/vmstat") : counter_file_(std::move(counter_file)) {}

  // Called when work starts: what the kernel killed long before is not its cause of death. Reads the count
  // every ten seconds at most, and keeps the one before if that is at most twenty seconds old: in a busy time
  // a death of just now is then never taken for an old one.
  void refresh(std::chrono::steady_clock::time_point now);
  // True when the count is above the one that was kept.
  [[nodiscard]] bool has_killed() const;

 private:
  [[nodiscard]] std::optional<std::int64_t> read() const;  // nothing: the kernel does not tell

  const std::string counter_file_;
  std::optional<std::int64_t> before_;
  std::optional<std::int64_t> latest_;
  std::optional<std::chrono::steady_clock::time_point> refreshed_at_;
};

}  // namespace longhaul::worker::process
