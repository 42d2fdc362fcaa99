#include "storage/sqlite/requests/purge.h"

#include <algorithm>
#include <tuple>

#include "storage/sqlite/file_space.h"

namespace longhaul::storage {
namespace {

constexpr std::size_t keys_stage = final_states.size();
constexpr std::size_t results_stage = keys_stage + 1;
constexpr std::size_t size_stage = results_stage + 1;
constexpr std::size_t space_stage = size_stage + 1;
constexpr std::size_t stage_count = space_stage + 1;

// Read at a time, and between two looks at the size.
constexpr std::int64_t tasks_at_a_time = 64;
constexpr std::int64_t tasks_between_looks = 8;
constexpr std::int64_t results_at_a_time = 16;

}  // namespace

void PurgeRequest::apply(WriteTransaction& transaction) {
  outcome_ = {};
  at_ = order_.position.value_or(PurgePosition{});
  if (!order_.position) at_.round = transaction.now().wall;
  gave_space_back_ = at_.stage == space_stage;
  PurgeBudget budget(transaction.changes().size(), order_.gently, clock_);
  while (at_.stage < stage_count) {
    if (budget.is_spent() || !run_stage(transaction, budget)) {
      outcome_.position = at_;
      return;
    }
    at_ = {at_.round, at_.stage + 1};
  }
  outcome_.next = next_due(transaction);
  outcome_.next_expiry = transaction.cached().next_expiry();
}

bool PurgeRequest::run_stage(WriteTransaction& transaction, PurgeBudget& budget) {
  switch (at_.stage) {
    case keys_stage: return purge_keys(transaction, budget);
    case results_stage: return purge_results(transaction, budget);
    case size_stage: return purge_by_size(transaction, budget);
    case space_stage: return shrink_file(transaction, budget);
    default: return purge_by_age(transaction, budget);
  }
}

bool PurgeRequest::purge_by_age(WriteTransaction& transaction, PurgeBudget& budget) {
  const auto keep = order_.limits.keep[at_.stage];
  if (!keep) return true;
  while (!budget.is_spent()) {
    const FinishedRange range = range_of(final_states[at_.stage], at_.round - *keep);
    const auto tasks = read_finished(transaction, range, std::min(tasks_at_a_time, budget.tasks_left()));
    if (tasks.empty()) return true;
    if (!purge_tasks(transaction, tasks, budget)) return false;
  }
  return false;
}

bool PurgeRequest::purge_keys(WriteTransaction& transaction, PurgeBudget& budget) {
  while (!budget.is_spent()) {
    const std::int64_t removed = remove_keys(transaction, at_.round - key_stays, budget);
    outcome_.keys += removed;
    if (removed == 0) return true;
  }
  return false;
}

bool PurgeRequest::purge_results(WriteTransaction& transaction, PurgeBudget& budget) {
  while (!budget.is_spent()) {
    const std::int64_t most = std::min(results_at_a_time, budget.tasks_left());
    std::int64_t removed = transaction.cached().remove_expired(most);
    if (removed == 0) removed = transaction.cached().remove_excess(most);
    if (removed == 0) return true;
    outcome_.results += removed;
    budget.spend(removed);
  }
  return false;
}

bool PurgeRequest::purge_by_size(WriteTransaction& transaction, PurgeBudget& budget) {
  if (!order_.limits.max_bytes) return true;
  const std::int64_t most = *order_.limits.max_bytes - spare_bytes;
  while (!budget.is_spent()) {
    if (read_file_space(transaction.statements()).used_bytes() <= most) return true;
    const auto tasks = read_oldest(transaction);
    if (tasks.empty()) return true;
    if (!purge_tasks(transaction, tasks, budget)) return false;
  }
  return false;
}

bool PurgeRequest::shrink_file(WriteTransaction& transaction, PurgeBudget& budget) {
  while (!budget.is_spent()) {
    if (!give_space_back(transaction.statements())) return true;
    gave_space_back_ = true;
    budget.spend(PurgeBudget::pieces_of_space);
  }
  return false;
}

bool PurgeRequest::purge_tasks(WriteTransaction& transaction, const std::vector<FinishedTask>& tasks,
                               PurgeBudget& budget) {
  for (const FinishedTask& task : tasks) {
    if (budget.is_spent()) return false;
    if (task.owes_delivery.value_or(false)) {
      ++outcome_.held_back;
    } else if (remove_task(transaction, task, budget)) {
      ++outcome_.tasks;
    } else {
      return false;
    }
    at_.after_finished = task.finished_at;
    at_.after_key = task.key;
  }
  return true;
}

std::vector<FinishedTask> PurgeRequest::read_oldest(WriteTransaction& transaction) const {
  std::vector<FinishedTask> oldest;
  for (const TaskState state : final_states) {
    for (FinishedTask& task :
         read_finished(transaction, range_of(state, WallTime::max()), tasks_between_looks)) {
      oldest.push_back(std::move(task));
    }
  }
  std::ranges::sort(oldest, {},
                    [](const FinishedTask& task) { return std::tuple(task.finished_at, task.key); });
  if (oldest.size() > tasks_between_looks) oldest.resize(tasks_between_looks);
  return oldest;
}

FinishedRange PurgeRequest::range_of(TaskState state, WallTime until) const {
  return {state, until, at_.after_finished, at_.after_key};
}

std::optional<WallTime> PurgeRequest::next_due(WriteTransaction& transaction) const {
  std::optional<WallTime> next;
  const auto look = [&](const std::optional<WallTime>& first, Milliseconds stays) {
    if (first && (!next || *first + stays < *next)) next = *first + stays;
  };
  for (std::size_t i = 0; i < final_states.size(); ++i) {
    const auto keep = order_.limits.keep[i];
    if (!keep) continue;
    Query query = transaction.use("first_finished_behind");
    if (query.bind(final_states[i], at_.round - *keep).row()) look(query.maybe_wall(0), *keep);
  }
  Query query = transaction.use("first_key_gone_behind");
  if (query.bind(at_.round - key_stays).row()) look(query.maybe_wall(0), key_stays);
  return next;
}

}  // namespace longhaul::storage
