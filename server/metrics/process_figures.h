// What the kernel says of this process: the figures that every Prometheus client library has, under their names
// process_*. What cannot be read is left out.
//
// Thread-safety: any thread.
#pragma once

#include <cstdint>
#include <optional>

namespace longhaul::server {

struct ProcessFigures {
  std::optional<double> cpu_seconds;         // user and system, all threads
  std::optional<double> start_time_seconds;  // since 1970
  std::optional<std::int64_t> resident_bytes;
  std::optional<std::int64_t> virtual_bytes;
  std::optional<std::int64_t> threads;
  std::optional<std::int64_t> open_descriptors;
  std::optional<std::int64_t> max_descriptors;
};

[[nodiscard]] ProcessFigures read_process_figures();

}  // namespace longhaul::server
