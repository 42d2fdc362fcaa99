#include "storage/sqlite/purge.h"

#include <utility>

namespace longhaul::storage {
namespace {

// The columns of finished_by_age, in its order.
enum Column : int { seq, finished_at, id, queue, tags, was_attempted, owes_delivery, log_lines };

FinishedTask read_row(const Query& query, TaskState state) {
  FinishedTask task;
  task.key = TaskKey(query.integer(Column::seq));
  task.finished_at = query.wall(Column::finished_at);
  task.id = query.task_id(Column::id);
  task.queue = query.text(Column::queue);
  task.state = state;
  task.tags = read_tags(query, Column::tags);
  task.was_attempted = query.integer(Column::was_attempted) != 0;
  if (const auto owes = query.maybe_integer(Column::owes_delivery)) task.owes_delivery = *owes != 0;
  task.log_lines = query.maybe_integer(Column::log_lines);
  return task;
}

// All of a log that is not longer than a slice; of a longer one the end. True: nothing is left of it.
bool remove_log(WriteTransaction& transaction, const FinishedTask& task, PurgeBudget& budget) {
  if (!task.log_lines) return true;
  const std::int64_t most = std::max<std::int64_t>(1, budget.tasks_left()) * PurgeBudget::log_lines_of_a_task;
  budget.spend(std::min(most, *task.log_lines) / PurgeBudget::log_lines_of_a_task);
  if (*task.log_lines > most) {
    const std::int64_t left = *task.log_lines - most;
    transaction.use("delete_log_tail").bind(task.key, left).run();
    transaction.use("shorten_log_totals").bind(left, task.key).run();
    return false;
  }
  if (*task.log_lines > 0) transaction.use("delete_log").bind(task.key).run();
  // Also of a log of which no line was kept: the key may be that of another task after a restart.
  transaction.use("delete_log_totals").bind(task.key).run();
  return true;
}

void remove_deliveries(WriteTransaction& transaction, TaskKey task) {
  std::vector<std::int64_t> deliveries;
  {
    Query query = transaction.use("deliveries_of_finished_task");
    query.bind(task);
    while (query.row()) deliveries.push_back(query.integer(0));
  }
  for (const std::int64_t delivery : deliveries) {
    transaction.use("delete_delivery_attempts").bind(delivery).run();
    transaction.use("delete_delivery_body").bind(delivery).run();
  }
  transaction.use("delete_deliveries").bind(task).run();
}

}  // namespace

std::vector<FinishedTask> read_finished(WriteTransaction& transaction, const FinishedRange& range,
                                        std::int64_t limit) {
  std::vector<FinishedTask> found;
  Query query = transaction.use("finished_by_age");
  query.bind(range.state, range.until, range.after_finished, range.after_key, limit);
  while (query.row()) found.push_back(read_row(query, range.state));
  return found;
}

bool remove_task(WriteTransaction& transaction, const FinishedTask& task, PurgeBudget& budget) {
  if (!remove_log(transaction, task, budget)) return false;
  budget.spend(1);
  if (task.owes_delivery) remove_deliveries(transaction, task.key);
  transaction.use("delete_callback").bind(task.key).run();
  if (task.was_attempted) transaction.use("delete_attempts").bind(task.key).run();
  if (task.state == TaskState::succeeded) transaction.use("delete_result").bind(task.key).run();
  transaction.use("delete_input").bind(task.key).run();
  for (const auto& [name, value] : task.tags) transaction.use("delete_tag").bind(name, value, task.id).run();
  transaction.use("mark_key_of_gone_task").bind(transaction.now().wall, task.id).run();
  transaction.use("delete_task").bind(task.key).run_guarded();
  transaction.remove({task.key, task.queue, task.state});
  return true;
}

std::int64_t remove_keys(WriteTransaction& transaction, WallTime until, PurgeBudget& budget) {
  std::vector<std::pair<std::string, std::string>> keys;
  {
    Query query = transaction.use("keys_gone_until");
    query.bind(until, std::max<std::int64_t>(1, budget.tasks_left()) * PurgeBudget::keys_of_a_task);
    while (query.row()) keys.emplace_back(query.text(0), query.text(1));
  }
  for (const auto& [scope, key] : keys) transaction.use("delete_key").bind(scope, key).run();
  const auto count = static_cast<std::int64_t>(keys.size());
  budget.spend((count + PurgeBudget::keys_of_a_task - 1) / PurgeBudget::keys_of_a_task);
  return count;
}

}  // namespace longhaul::storage
