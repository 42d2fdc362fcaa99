// Killing what descends from this process, so that nothing escapes and nobody else is hit.
//
// A process that is a child of ours, dead or alive, keeps its id until we reap it: it is killed by id.
// Further down others do the reaping, and ids may change hands while we look: there each one is pinned by a
// pidfd, looked at again, and killed through it.
//
// Thread-safety: functions without state. Errors: what is gone meanwhile is fine; what may not be killed
// stays in the count.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>

namespace longhaul::worker::process {

// Says which children, together with what descends from them, are left alone.
using KeepChild = std::function<bool(pid_t)>;

// One pass: SIGKILL to every child of this process that is not kept, and to all its descendants. Returns how
// many children (not yet reaped ones count) were not kept. One pass can miss what is forked meanwhile:
// callers reap and repeat until it returns 0.
std::size_t kill_descendants(const KeepChild& keep);

// SIGKILL to `pid` if it is still the process that started at `start_ticks`. True when it was, and is dying
// now.
bool kill_exactly(pid_t pid, std::int64_t start_ticks);

}  // namespace longhaul::worker::process
