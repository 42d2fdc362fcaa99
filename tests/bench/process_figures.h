// What the kernel says of a process.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "base/result.h"

namespace longhaul::bench {

struct ProcessFigures {
  std::int64_t resident_bytes = 0;
  std::int64_t threads = 0;
  std::int64_t context_switches = 0;  // of the threads that live, voluntary or not
  double cpu_seconds = 0;             // of all threads, dead ones too
};

[[nodiscard]] base::Result<ProcessFigures> read_process_figures(pid_t pid);

// CPU time of a process, of its children, and of all that these have had and waited for.
[[nodiscard]] base::Result<double> read_tree_cpu_seconds(pid_t pid);

}  // namespace longhaul::bench
