// What was measured, each figure beside its limit, as a table for people or as JSON. Not thread-safe.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/latency_histogram.h"

namespace longhaul::bench {

// What a figure is held against, measured in the same run.
struct Limit {
  std::string name;
  double value = 0;
  std::string expected;  // of the ratio of figure to limit, as the design has it; empty: it says nothing
  std::optional<double> ratio = {};  // where rounds are held against each other; absent: figure / value
};

struct Figure {
  std::string name;
  double value = 0;
  std::string unit;
  std::optional<std::chrono::nanoseconds> p50 = {};
  std::optional<std::chrono::nanoseconds> p99 = {};
  std::vector<Limit> limits = {};
};

struct Report {
  bool quick = false;
  std::vector<Figure> figures;
  std::vector<std::string> failures;  // measurements that could not be made, and why
};

[[nodiscard]] std::string table_of(const Report& report);
[[nodiscard]] std::string json_of(const Report& report);

}  // namespace longhaul::bench
