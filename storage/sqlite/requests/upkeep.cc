#include "storage/sqlite/requests/upkeep.h"

#include <array>

#include "storage/sqlite/overdue.h"
#include "storage/sqlite/transitions.h"

namespace longhaul::storage {
namespace {

std::vector<TaskKey> read_keys(Query& query) {
  std::vector<TaskKey> keys;
  while (query.row()) keys.emplace_back(query.integer(0));
  return keys;
}

std::vector<TaskKey> fallen_due(WriteTransaction& transaction, std::string_view by_wall,
                                std::string_view by_steady, std::int64_t limit) {
  std::vector<TaskKey> keys;
  {
    Query query = transaction.use(by_wall);
    keys = read_keys(query.bind(transaction.now().wall, limit));
  }
  Query query = transaction.use(by_steady);
  const auto left = limit - static_cast<std::int64_t>(keys.size());
  for (const TaskKey key : read_keys(query.bind(transaction.now().steady, left))) keys.push_back(key);
  return keys;
}

void promote(WriteTransaction& transaction, const api::TaskSnapshot& task) {
  if (api::next_state(task.state, api::TaskEvent::become_due)) become_due(transaction, task);
}

}  // namespace

void SweepRequest::apply(WriteTransaction& transaction) {
  struct Kind {
    std::string_view by_wall;
    std::string_view by_steady;
    bool is_end;  // deadlines and expiries before what may begin
  };
  static constexpr std::array kinds = {Kind{"deadline_by_wall", "deadline_by_steady", true},
                                       Kind{"expiry_by_wall", "expiry_by_steady", true},
                                       Kind{"due_by_wall", "due_by_steady", false}};
  std::int64_t left = rows_in_a_slice;
  for (const Kind& kind : kinds) {
    for (const TaskKey key : fallen_due(transaction, kind.by_wall, kind.by_steady, left)) {
      const TaskSnapshotPtr task = transaction.find(key);
      --left;
      if (!task) continue;
      if (kind.is_end) {
        end_if_overdue(transaction, *task);
      } else {
        promote(transaction, *task);
      }
    }
  }
  outcome_ = {};
  outcome_.more = left == 0;
  Query next_wall = transaction.use("next_wall");
  if (next_wall.bind().row()) outcome_.next_wall = next_wall.maybe_wall(0);
  Query next_steady = transaction.use("next_steady");
  if (next_steady.bind().row()) outcome_.next_steady = next_steady.maybe_steady(0);
}

void LoadReadyRequest::apply(WriteTransaction& transaction) {
  outcome_.clear();
  if (!order_.after) {
    Query query = transaction.use("ready_from_start");
    read(query.bind(order_.queue, order_.type, left()));
    return;
  }
  const ReadyTask& after = *order_.after;
  Query same = transaction.use("ready_same_priority");
  read(same.bind(order_.queue, order_.type, after.priority, after.run_at, after.key, left()));
  Query lower = transaction.use("ready_lower_priority");
  read(lower.bind(order_.queue, order_.type, after.priority, left()));
}

void LoadReadyRequest::read(Query& query) {
  while (query.row()) {
    outcome_.push_back({TaskKey(query.integer(0)), static_cast<int>(query.integer(1)), query.wall(2)});
  }
}

}  // namespace longhaul::storage
