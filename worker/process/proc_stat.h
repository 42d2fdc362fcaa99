// What /proc says of processes: their place in the tree, and the start time that tells two with the same id
// apart.
//
// Thread-safety: functions without state. Errors: a process that is gone or hidden yields nothing.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace longhaul::worker::process {

// From /proc/PID/stat, see proc_pid_stat(5).
struct ProcStat {
  pid_t pid = 0;
  char state = '?';  // 'Z': dead, not yet reaped
  pid_t parent = 0;
  pid_t group = 0;
  pid_t session = 0;
  std::int64_t start_ticks = 0;
};
[[nodiscard]] std::optional<ProcStat> read_proc_stat(pid_t pid);

// Every process that can be seen now.
[[nodiscard]] std::vector<pid_t> all_processes();

// Appends the children of all threads of `pid`. A list that changes while it is read may be incomplete:
// callers repeat.
void append_children(pid_t pid, std::vector<pid_t>& children);

// The value of `name` among the variables a process was executed with; `environment` is the text of
// /proc/PID/environ.
[[nodiscard]] std::optional<std::string> find_variable(const std::string& environment,
                                                       const std::string& name);
// Empty when it may not be read.
[[nodiscard]] std::string read_environment(pid_t pid);

}  // namespace longhaul::worker::process
