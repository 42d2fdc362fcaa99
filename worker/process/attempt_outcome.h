// What an attempt came to, from how its program ended and what it wrote. Pure: the table of exit codes,
// signals and failed starts in one place.
#pragma once

#include <optional>
#include <string>

#include "worker/executor.h"
#include "worker/process/spawn_protocol.h"

namespace longhaul::worker::process {

// How a program that was started ended.
struct ProgramEnd {
  int wait_status = 0;            // as waitpid tells it
  bool told_to_stop = false;      // it was sent SIGTERM by us before
  bool killed_by_us = false;      // and SIGKILL
  bool out_of_memory = false;     // the kernel killed somebody for memory meanwhile
  bool result_too_large = false;  // `output` was over the cap, and is not here
  std::string output;             // stdout, whole
  std::string last_line;          // of stderr; may be empty
  api::ResourceUse use;
};
[[nodiscard]] AttemptReport judge_end(const AttemptOrder& order, const ProgramEnd& end);

// The program could not be started.
[[nodiscard]] AttemptReport judge_failed_start(const AttemptOrder& order, StartStage stage, int error_number);
// The server's side of it could not be set up, or the message was too long.
[[nodiscard]] AttemptReport failed_before_start(const AttemptOrder& order, std::string message,
                                                bool retryable);
// What ran the program died. `message` says what.
[[nodiscard]] AttemptReport lost(const AttemptOrder& order, std::string message);

// The result that `output` makes, or what is wrong with it.
[[nodiscard]] base::Result<api::RawJson> make_result(ResultKind kind, const std::string& output);

}  // namespace longhaul::worker::process
