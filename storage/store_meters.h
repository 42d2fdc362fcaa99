// What an engine counts while it works. Thread-safety: one thread counts (the writer's), any thread reads; a
// reader may see one number of an event before the other.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "storage/figures.h"

namespace longhaul::storage {

// A number that one thread changes: no locked instruction is needed.
template <class Number>
class Tally {
 public:
  void add(Number more) { value_.store(read() + more, std::memory_order_relaxed); }
  [[nodiscard]] Number read() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<Number> value_{0};
};

class DurationMeter {
 public:
  void record(base::Nanoseconds duration) {
    const double seconds = std::chrono::duration<double>(duration).count();
    const auto* const place = std::lower_bound(bounds.begin(), bounds.end(), seconds);
    counts_[static_cast<std::size_t>(place - bounds.begin())].add(1);
    nanoseconds_.add(static_cast<std::uint64_t>(std::max<std::int64_t>(0, duration.count())));
  }
  [[nodiscard]] DurationCounts read() const {
    DurationCounts read;
    read.bounds_seconds.assign(bounds.begin(), bounds.end());
    for (const auto& count : counts_) read.counts.push_back(count.read());
    read.sum_seconds = static_cast<double>(nanoseconds_.read()) / 1e9;
    return read;
  }

 private:
  // A sync takes from a tenth of a millisecond to, on a disk in trouble, seconds.
  static constexpr std::array bounds = {0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0};
  std::array<Tally<std::uint64_t>, bounds.size() + 1> counts_;
  Tally<std::uint64_t> nanoseconds_;
};

struct StoreMeters {
  DurationMeter commits;
  Tally<std::uint64_t> committed_requests;
  Tally<std::uint64_t> failed_commits;
  Tally<std::int64_t> owed_deliveries;
  std::array<Tally<std::uint64_t>, final_states.size()> removed;
};

}  // namespace longhaul::storage
