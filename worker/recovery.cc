#include "worker/recovery.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/log.h"
#include "worker/attempt_end.h"
#include "worker/countdown.h"
#include "worker/retry_policy.h"

namespace longhaul::worker {
namespace {

base::Milliseconds backoff_of(const api::TaskSnapshot& task, const RecoveryOptions& options) {
  const TaskTypePtr type = options.types->find(task.type);  // none: it is not configured any more
  const RetryLimits limits = type == nullptr ? RetryLimits{} : RetryLimits{type->retry_base, type->retry_cap};
  return retry_delay(limits, task.attempt, options.random());
}

base::Result<void> end_processes(const std::vector<storage::OpenAttempt>& open,
                                 const RecoveryOptions& options) {
  std::vector<Leftover> leftovers;
  leftovers.reserve(open.size());
  for (const storage::OpenAttempt& attempt : open) {
    leftovers.push_back({attempt.task->id, attempt.task->token, attempt.process});
  }
  auto ended = options.end_leftovers(leftovers);
  if (!ended) return base::fail("cannot end what an earlier server left running: " + ended.error().message);
  return {};
}

base::Result<void> write_as_lost(const std::vector<storage::OpenAttempt>& open,
                                 const RecoveryOptions& options) {
  const auto written = std::make_shared<Countdown>(open.size());
  for (const storage::OpenAttempt& attempt : open) {
    options.store->finish(
        end_lost(*attempt.task, backoff_of(*attempt.task, options)),
        [written](storage::StoreResult<storage::FinishOutcome> outcome) {
          written->answered(outcome ? std::nullopt : std::optional(std::move(outcome).error()));
        });
  }
  const auto error = written->wait();
  if (error)
    return base::fail("cannot write down the attempts that an earlier server left open: " + error->message);
  return {};
}

base::Result<storage::SweepOutcome> sweep_all(storage::Store& store) {
  storage::SweepOutcome last;
  do {
    const auto answer = std::make_shared<Countdown>(1);
    const auto outcome = std::make_shared<storage::SweepOutcome>();
    store.sweep([answer, outcome](storage::StoreResult<storage::SweepOutcome> swept) {
      if (swept) *outcome = *swept;
      answer->answered(swept ? std::nullopt : std::optional(std::move(swept).error()));
    });
    const auto error = answer->wait();
    if (error) return base::fail("cannot enforce the deadlines that passed meanwhile: " + error->message);
    last = *outcome;
  } while (last.more);
  return last;
}

}  // namespace

base::Result<storage::SweepOutcome> recover(const RecoveryOptions& options) {
  const auto open = options.store->open_attempts();
  if (!open)
    return base::fail("cannot read the attempts that an earlier server left open: " + open.error().message);
  if (!open->empty()) {
    base::log_info("recovering attempts that an earlier server left open", {{"attempts", open->size()}});
    if (auto ended = end_processes(*open, options); !ended) return base::fail(ended.error().message);
    if (auto written = write_as_lost(*open, options); !written) return base::fail(written.error().message);
  }
  return sweep_all(*options.store);
}

}  // namespace longhaul::worker
