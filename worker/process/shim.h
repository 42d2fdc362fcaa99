// One attempt's supervisor: a child of the spawner, forked and never executed, that starts the program, is
// the subreaper of its whole tree, and tells the server over the lifeline how it went. What the program
// leaves behind, in whatever session or group, becomes the shim's child, so "nothing of it is left" needs no
// guessing: it is when waiting answers ECHILD.
//
// It ends the tree when told to (SIGTERM, grace, SIGKILL), when the program's first process, the leader, has
// exited, when the lifeline closes (the server is gone), and when the spawner dies.
#pragma once

#include <sys/types.h>

#include "worker/process/spawn_protocol.h"

namespace longhaul::worker::process {

struct ShimSeat {
  pid_t spawner = 0;
  // A signalfd of SIGCHLD and spawner_death_signal, made by the spawner; every signal is blocked.
  int signals = -1;
};

// Blocked and watched by every shim: the kernel sends it when the spawner dies. Anybody may send it, so it is
// checked.
[[nodiscard]] int spawner_death_signal();

// The body of the shim process. Returns when the attempt is over, or could not be started. False when the
// server could not be told of it: then the shim must end as one that died, with an exit code other than 0, so
// that the spawner tells instead.
[[nodiscard]] bool run_shim(const ShimSeat& seat, SpawnOrder& order, SpawnEnds ends);

}  // namespace longhaul::worker::process
