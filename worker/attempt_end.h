// From what an executor reports to what the store is told: how an attempt ended, by what the dispatcher had
// decided about it.
//
//   phase when the report comes   report      outcome
//   running, last_timeout         succeeded   succeeded
//                                 failed      failed
//                                 lost        lost
//   timing_out                    any         timed_out: once its time was up the timeout has decided; a
//                                             program that leaves with 0 because it was told to stop has not
//                                             done its work
//   releasing                     succeeded   succeeded in a thread, whose return value is its own; else
//                                             released
//                                 other       released
//   cancelling                    succeeded   succeeded: the history tells it, the task still ends by its
//                                             cause
//                                 other       cancelled or timed_out, by the cause
//
// With last_timeout the store has been asked to stop the attempt, and whichever change it commits first
// decides. Why an attempt was stopped the store says in its own words: `cancelled` and `timed_out` carry no
// error.
//
// Pure.
#pragma once

#include "storage/store.h"
#include "worker/attempt_table.h"
#include "worker/executor.h"

namespace longhaul::worker {

// `backoff` is used when the task is to be tried again.
[[nodiscard]] storage::AttemptEnd end_of(const Attempt& attempt, AttemptReport report,
                                         base::Milliseconds backoff);

// For an attempt that was claimed and never begun: it was cancelled meanwhile, or the server stops.
[[nodiscard]] storage::AttemptEnd end_unbegun(const Attempt& attempt);

// For an attempt whose server is gone: WORKER_LOST.
[[nodiscard]] storage::AttemptEnd end_lost(const api::TaskSnapshot& task, base::Milliseconds backoff);

}  // namespace longhaul::worker
