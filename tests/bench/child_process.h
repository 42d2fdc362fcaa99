// A program that a benchmark has started: its input and output are pipes, its errors go where ours go. It is
// ended by its process id when this goes. Errors say what the system said. Not thread-safe, move-only.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace longhaul::bench {

class ChildProcess {
 public:
  // `command`: program (a path) and arguments. `input` is written to its stdin, which then stays open.
  [[nodiscard]] static base::Result<ChildProcess> start(const std::vector<std::string>& command,
                                                        const std::string& input = "");
  ChildProcess(ChildProcess&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)),
        input_(std::move(other.input_)),
        output_(std::move(other.output_)) {}
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess() { end(); }

  // The next line of its stdout, without the line end.
  [[nodiscard]] base::Result<std::string> read_line(std::chrono::milliseconds patience);
  [[nodiscard]] pid_t pid() const { return pid_; }
  // SIGTERM, and SIGKILL when that does not help within 20 s. Returns when it is reaped.
  void end();

 private:
  ChildProcess(pid_t pid, base::UniqueFd input, base::UniqueFd output)
      : pid_(pid), input_(std::move(input)), output_(std::move(output)) {}

  pid_t pid_;
  base::UniqueFd input_;
  base::UniqueFd output_;
};

}  // namespace longhaul::bench
