// What a new server does about the old one, before it claims anything:
//   1. ends what is left of the old server's processes, and waits until they are gone;
//   2. writes the attempts that were running as lost (WORKER_LOST): tasks with attempts left wait for their
//      backoff, others fail, and those that were already `cancelling` end as what they were;
//   3. enforces every deadline and expiry that passed meanwhile.
//
// Blocks until all of that is committed.
//
// Thread-safety: called once, from the thread that starts the dispatcher.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/result.h"
#include "storage/store.h"
#include "worker/process/command_executor.h"
#include "worker/task_type.h"

namespace longhaul::worker {

using EndLeftovers = std::function<base::Result<void>(const std::vector<Leftover>&)>;

struct RecoveryOptions {
  storage::Store* store = nullptr;  // not owned; started
  TaskTypesPtr types;
  EndLeftovers end_leftovers;
  std::function<std::uint64_t()> random;  // for the backoff
};

// The outcome of the last sweep: when the next piece is due. An error says what could not be done; nothing
// was claimed then.
[[nodiscard]] base::Result<storage::SweepOutcome> recover(const RecoveryOptions& options);

}  // namespace longhaul::worker
