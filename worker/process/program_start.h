// Turns a child process into the program of an attempt: own session and group, its four descriptors, its
// limits. Called by a shim only: single-threaded, every signal blocked, privileges already given up by the
// spawner.
#pragma once

#include <sys/types.h>

#include <string>

#include "worker/process/spawn_protocol.h"

namespace longhaul::worker::process {

struct ProgramStart {
  pid_t pid = -1;  // less than 0: it failed
  StartStage stage = StartStage::lookup;
  int error_number = 0;
};

// Returns when the program has been executed, or could not be. `ends` are still open here afterwards.
[[nodiscard]] ProgramStart start_program(SpawnOrder& order, const SpawnEnds& ends);

// The file to execute for `program`: itself when it has a slash, else the first executable one in
// `search_path`. Empty when there is none; `error_number` says why (ENOENT, EACCES).
[[nodiscard]] std::string find_program(const std::string& program, const char* search_path,
                                       int& error_number);

}  // namespace longhaul::worker::process
