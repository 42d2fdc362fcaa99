// Finding and killing what attempts left behind when nobody was there to see to them. What matches is killed,
// nothing else: the recorded process if id, start time and boot agree; everything in the session that it
// still leads; everything that was executed with the attempt's task id and token; and what descends from any
// of these.
//
// Thread-safety: functions without state.
#pragma once

#include <vector>

#include "worker/process/command_executor.h"
#include "worker/process/proc_stat.h"

namespace longhaul::worker::process {

// One pass over all processes: SIGKILL to those that match and live. Returns them; one pass can miss what is forked
// meanwhile, so callers repeat until it returns none. A killed one takes a moment to go, and may not match any more
// by then, for its parent has gone before it: who has to know that it is gone looks at it himself.
[[nodiscard]] std::vector<ProcStat> kill_leftovers(const std::vector<Leftover>& leftovers);

}  // namespace longhaul::worker::process
