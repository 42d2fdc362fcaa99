// Runs each attempt as a program of its own, started by the spawner process, watched by a shim (see
// spawner.h), its pipes served by one epoll thread here. JSON payload on stdin, result on stdout, log on
// stderr, progress as JSON lines on LONGHAUL_PROGRESS_FD.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/clock.h"
#include "worker/executor.h"

namespace longhaul::worker {

struct CommandExecutorOptions {
  std::string spawner_program = "/proc/self/exe";  // run as: PROGRAM spawner   (see run_spawner)
  std::size_t max_processes = 1'000;
  // A spawner that does not react for so long, while something is asked of it, is killed and replaced; its
  // programs end with it.
  std::chrono::milliseconds spawner_silence{10'000};
  AttemptSink* sink = nullptr;         // not owned
  const base::Clock* clock = nullptr;  // not owned
};
[[nodiscard]] std::unique_ptr<Executor> make_command_executor(CommandExecutorOptions options);

// Makes this process the one that inherits the orphans below it, so that what a killed spawner and a killed
// shim leave behind is found and ended here. For a process that starts no children of its own besides the
// executor's: in a process that is such a subreaper, when a spawner has died, the executor kills and reaps
// every child it does not know. False: the kernel refused.
[[nodiscard]] bool become_subreaper();

// The body of the spawner process: `longhaul spawner` calls it with the descriptor of its control socket and
// exits with what it returns. Single-threaded; returns when the server is gone and everything it started is
// dead.
[[nodiscard]] int run_spawner(int control_fd);

// Ends what an earlier server left behind: the process itself if pid, start time and boot still match, and
// everything whose environment carries the attempt's token. Returns when they are gone; blocks at most a few
// seconds.
struct Leftover {
  api::TaskId id;
  api::AttemptToken token;
  std::optional<storage::ProcessIdentity> process;
};
[[nodiscard]] base::Result<void> end_leftovers(const std::vector<Leftover>& leftovers);

}  // namespace longhaul::worker
