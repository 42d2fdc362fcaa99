// What the dispatcher decides by the clock and by its room, and how that leaves it.
#include <algorithm>
#include <memory>
#include <utility>

#include "worker/local_dispatcher.h"

namespace longhaul::worker {
namespace {

// Tasks in one claim, and claims on their way at a time: the store reads the payloads (1 MiB each at most, as
// a rule) of all claims that it finds waiting in one transaction. While one is written the other one waits, so
// that the store is never idle; who finds no room stays in the ready queue until an answer comes.
constexpr std::size_t claim_batch = 128;
constexpr std::size_t max_claims_in_flight = 2;

template <class T>
std::optional<storage::StoreError> error_of(const storage::StoreResult<T>& result) {
  return result ? std::nullopt : std::optional(result.error());
}

}  // namespace

void LocalDispatcher::fire_timeouts(base::BootTime now) {
  base::MutexLock lock(mutex_);
  while (Attempt* attempt = attempts_.take_timed_out(now)) {
    if (attempt->attempt < attempt->max_attempts) {
      tell_to_stop(*attempt, AttemptPhase::timing_out);
    } else {
      attempt->phase = AttemptPhase::last_timeout;
      orders_.last_timeouts.emplace_back(attempt->key, attempt->token);
    }
  }
}

void LocalDispatcher::order_owed_ends() {
  base::MutexLock lock(mutex_);
  for (const auto& [key, token] : std::exchange(owed_ends_, {})) {
    const Attempt* attempt = attempts_.find(key, token);
    if (attempt != nullptr && attempt->end) orders_.ends.push_back(*attempt->end);
  }
}

void LocalDispatcher::order_refills() {
  base::MutexLock lock(mutex_);
  orders_.refills = ready_.take_refills();
}

void LocalDispatcher::order_claims() {
  const std::size_t free_claims = max_claims_in_flight - std::min(claims_in_flight_, max_claims_in_flight);
  while (orders_.claims.size() < free_claims * claim_batch) {
    base::MutexLock lock(mutex_);
    auto taken = ready_.take(capacity_);
    if (!taken) return;
    capacity_.reserve(taken->queue, *taken->type);
    orders_.claims.push_back(std::move(*taken));
  }
}

void LocalDispatcher::carry_out() {
  // An attempt that is cancelled as it begins is in both lists; an executor ignores a stop for what it does
  // not have.
  for (auto& [executor, order] : std::exchange(orders_.begins, {})) executor->begin(std::move(order));
  for (const auto& [executor, token] : std::exchange(orders_.stops, {})) executor->stop_attempt(token);
  for (auto& end : std::exchange(orders_.ends, {})) post_end(std::move(end));
  for (const auto& [key, token] : std::exchange(orders_.last_timeouts, {})) post_stop(key, token);
  if (std::exchange(orders_.sweep, false)) post_sweep();
  for (const auto& order : std::exchange(orders_.refills, {})) post_refill(order, nullptr);
  post_claims();
}

void LocalDispatcher::post_end(storage::AttemptEnd end) {
  const api::TaskKey key = end.key;
  const api::AttemptToken token = end.token;
  options_.store->finish(std::move(end),
                         [inbox = inbox_, key, token](storage::StoreResult<storage::FinishOutcome> outcome) {
                           if (outcome && outcome->verdict == storage::FinishVerdict::applied)
                             return;  // its change has told
                           inbox->push(EndNotApplied{key, token, error_of(outcome)});
                         });
}

void LocalDispatcher::post_stop(api::TaskKey key, api::AttemptToken token) {
  options_.store->stop_attempt(
      key, token, api::StopCause::timeout,
      [inbox = inbox_, key, token](storage::StoreResult<storage::FinishOutcome> outcome) {
        if (outcome && outcome->verdict == storage::FinishVerdict::applied) return;
        inbox->push(StopNotApplied{key, token, error_of(outcome)});
      });
}

void LocalDispatcher::post_sweep() {
  sweep_in_flight_ = true;
  due_.sweep_ordered();
  options_.store->sweep([inbox = inbox_](storage::StoreResult<storage::SweepOutcome> outcome) {
    inbox->push(SweepAnswered{std::move(outcome)});
  });
}

void LocalDispatcher::post_refill(const storage::ReadyOrder& order,
                                  std::function<void(std::optional<storage::StoreError>)> told) {
  options_.store->load_ready(order, [inbox = inbox_, order, told = std::move(told)](
                                        storage::StoreResult<std::vector<storage::ReadyTask>> loaded) {
    auto error = error_of(loaded);
    inbox->push(RefillAnswered{order, std::move(loaded)});
    if (told) told(std::move(error));
  });
}

void LocalDispatcher::post_claims() {
  std::vector<ReadyQueue::Taken> taken = std::exchange(orders_.claims, {});
  for (std::size_t from = 0; from < taken.size(); from += claim_batch) {
    const std::size_t count = std::min(claim_batch, taken.size() - from);
    const auto batch = std::make_shared<std::vector<ReadyQueue::Taken>>();
    std::vector<storage::ClaimOrder> orders;
    orders.reserve(count);
    for (std::size_t i = from; i < from + count; ++i) {
      orders.push_back({taken[i].task.key, options_.worker_name});
      batch->push_back(std::move(taken[i]));
    }
    ++claims_in_flight_;
    options_.store->claim(std::move(orders),
                          [inbox = inbox_, batch](storage::StoreResult<storage::ClaimOutcome> outcome) {
                            inbox->push(ClaimAnswered{std::move(*batch), std::move(outcome)});
                          });
  }
}

}  // namespace longhaul::worker
