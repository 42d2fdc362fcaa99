// Counts durations in buckets that are 1.6 % wide at most, from 1 ns to beyond an hour, in 20 KiB. Not
// thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace longhaul::bench {

class LatencyHistogram {
 public:
  void add(std::chrono::nanoseconds duration) {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
    ++counts_[bucket_of(value)];
    ++total_;
    max_ = std::max(max_, value);
  }

  void add(const LatencyHistogram& other) {
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    total_ += other.total_;
    max_ = std::max(max_, other.max_);
  }

  [[nodiscard]] std::uint64_t total() const { return total_; }
  [[nodiscard]] std::chrono::nanoseconds max() const { return std::chrono::nanoseconds(max_); }

  // The duration that this share of all stayed within: 0.99 for the 99th percentile. Zero when nothing was
  // counted.
  [[nodiscard]] std::chrono::nanoseconds quantile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(total_)));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= wanted && seen > 0) return std::chrono::nanoseconds(std::min(upper_edge_of(i), max_));
    }
    return std::chrono::nanoseconds(0);
  }

 private:
  // Each power of two from 64 upwards is cut into 64 buckets; below, a bucket is one nanosecond.
  static constexpr std::uint64_t steps = 64;
  static constexpr std::size_t powers = 40;

  static std::size_t bucket_of(std::uint64_t value) {
    if (value < steps) return static_cast<std::size_t>(value);
    const int shift = static_cast<int>(std::bit_width(value)) - 7;  // value >> shift is in [64, 128)
    const std::size_t bucket =
        static_cast<std::size_t>(shift + 1) * steps + static_cast<std::size_t>((value >> shift) - steps);
    return std::min(bucket, powers * steps - 1);
  }
  static std::uint64_t upper_edge_of(std::size_t bucket) {
    if (bucket < steps) return bucket;
    const std::size_t shift = bucket / steps - 1;
    return ((bucket % steps + steps + 1) << shift) - 1;
  }

  std::array<std::uint64_t, powers * steps> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace longhaul::bench
