#include "tests/crash/ledger.h"

#include "storage/sqlite/migrator.h"
#include "storage/sqlite/task_row.h"

namespace longhaul::tests {
namespace {

using namespace storage;  // NOLINT: tests speak the store's language

// More than one call may have been written for a task in the batch that nobody heard of: its own, a sweep;
// and a timeout of the last attempt is two changes.
constexpr std::int64_t most_unheard_changes = 3;

// Each counts what must not be there.
constexpr const char* invariants[] = {
    "SELECT count(*) FROM tasks WHERE state IN ('running', 'cancelling') AND NOT EXISTS "
    "(SELECT 1 FROM attempts WHERE attempts.token = tasks.token AND attempts.seq = tasks.seq AND outcome = "
    "'running')",
    "SELECT count(*) FROM attempts WHERE outcome = 'running' AND NOT EXISTS "
    "(SELECT 1 FROM tasks WHERE tasks.seq = attempts.seq AND tasks.token = attempts.token "
    "AND state IN ('running', 'cancelling'))",
    "SELECT count(*) FROM tasks WHERE (state = 'succeeded') <> EXISTS "
    "(SELECT 1 FROM task_results WHERE task_results.seq = tasks.seq)",
    "SELECT count(*) FROM tasks WHERE NOT EXISTS (SELECT 1 FROM task_inputs WHERE task_inputs.seq = "
    "tasks.seq)",
    "SELECT count(*) FROM tasks WHERE (tags IS NOT NULL) <> EXISTS (SELECT 1 FROM task_tags WHERE task_id = "
    "tasks.id)",
    "SELECT count(*) FROM idempotency_keys WHERE NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.id = task_id)",
    "SELECT count(*) FROM task_log_totals AS t WHERE lines <> (SELECT count(*) FROM task_logs WHERE seq = "
    "t.seq)",
    "SELECT count(*) FROM tasks WHERE (callback_events <> 0) <> EXISTS (SELECT 1 FROM task_callbacks WHERE "
    "task_callbacks.seq = tasks.seq)",
    // A final state of a task with a callback has its delivery.
    "SELECT count(*) FROM tasks WHERE callback_events <> 0 AND finished_at IS NOT NULL AND NOT EXISTS "
    "(SELECT 1 FROM deliveries WHERE task_seq = tasks.seq AND event = 'task.' || tasks.state "
    "AND deliveries.created_at = tasks.finished_at)",
    "SELECT count(*) FROM deliveries WHERE NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.seq = task_seq "
    "AND callback_events <> 0)",
    "SELECT count(*) FROM deliveries AS d WHERE NOT EXISTS (SELECT 1 FROM delivery_bodies WHERE "
    "delivery_bodies.seq = d.seq AND json_extract(body, '$.type') = d.event) OR attempts <> "
    "(SELECT count(*) FROM delivery_attempts WHERE delivery_seq = d.seq)",
    "SELECT count(*) FROM pragma_foreign_key_check",
};

constexpr embedded::TextFile everything = {
    "everything",
    "-- name: every_task\n"
    "SELECT id, state, revision, (SELECT count(*) FROM attempts WHERE attempts.seq = tasks.seq), "
    "(SELECT count(*) FROM deliveries WHERE task_seq = tasks.seq AND event <> 'task.started') FROM tasks;\n"
    "-- name: every_delivery\n"
    "SELECT id, status FROM deliveries;"};

bool is_all_made(Connection& connection) {
  if (connection.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'schema_migrations'") == 0)
    return false;
  return connection.integer("SELECT count(*) FROM schema_migrations") ==
         static_cast<std::int64_t>(embedded::migrations_sqlite().size());
}

}  // namespace

void Ledger::asked_for(const TaskId& id) {
  const std::lock_guard lock(mutex_);
  known_.try_emplace(id);
}

void Ledger::on_committed(std::span<const TaskChange> changes) {
  const std::lock_guard lock(mutex_);
  for (const TaskChange& change : changes) {
    Known& known = known_[change.task->id];
    known.revision = change.task->revision;
    known.state = change.task->state;
    if (change.task->state == TaskState::running) ++known.claims;
    if (api::is_final(change.task->state) && !change.task->callback_events.empty()) ++known.ends_told;
  }
  ++commits_;
  changed_.notify_all();
}

void Ledger::on_deliveries(std::span<const OwedDelivery> deliveries) {
  const std::lock_guard lock(mutex_);
  for (const OwedDelivery& delivery : deliveries) {
    if (!deliveries_.try_emplace(delivery.id, api::DeliveryStatus::pending).second)
      faults_.push_back("told twice of a delivery: " + delivery.id.get().text());
  }
}

void Ledger::noted(const api::DeliveryId& id, api::DeliveryStatus status) {
  const std::lock_guard lock(mutex_);
  deliveries_[id] = status;
}

std::size_t Ledger::wait_for_more_than(std::size_t commits) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return closed_ || commits_ > commits; });
  return commits_;
}

void Ledger::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

void Ledger::answered(const TaskSnapshotPtr& task) {
  const std::lock_guard lock(mutex_);
  if (known_[task->id].revision < task->revision)
    faults_.push_back("answered before observers heard: " + task->id.text());
}

std::vector<std::string> Ledger::check(const std::string& path, const std::string& vfs) {
  const std::lock_guard lock(mutex_);
  closed_ = false;
  std::vector<std::string> faults = std::exchange(faults_, {});
  Connection connection(path, Connection::Mode::create, vfs);
  const std::string integrity = connection.text("PRAGMA integrity_check");
  if (integrity != "ok") faults.push_back("integrity_check: " + integrity);
  if (!is_all_made(connection)) {
    // The power went while the database was made; nobody can have been answered.
    if (!known_.empty()) faults.push_back("the schema is lost");
    return faults;
  }
  for (const char* invariant : invariants) {
    if (connection.integer(invariant) != 0)
      faults.push_back(std::string("an invariant is broken: ") + invariant);
  }

  std::unordered_map<TaskId, Known> found;
  const SqlLibrary library{std::span(&everything, 1)};
  Statements statements(connection, library);
  Query rows = statements.use("every_task");
  while (rows.row())
    found[rows.task_id(0)] = {rows.integer(2), read_state(rows, 1), rows.integer(3), rows.integer(4)};
  for (const auto& [id, was] : known_) {
    const auto is = found.find(id);
    if (is == found.end()) {
      if (was.revision > 0) faults.push_back("lost, though it was answered: " + id.text());
      continue;
    }
    const std::int64_t unheard = is->second.revision - was.revision;
    if (unheard < 0) faults.push_back("went back in time: " + id.text());
    if (unheard > most_unheard_changes) faults.push_back("has changes that nobody asked for: " + id.text());
    if (unheard == 0 && is->second.state != was.state) faults.push_back("is in another state: " + id.text());
    const std::int64_t unheard_ends = is->second.ends_told - was.ends_told;
    if (unheard_ends < 0 || unheard_ends > unheard)
      faults.push_back("an end without its delivery, or a delivery without its end: " + id.text());
    if (is->second.claims < was.claims) faults.push_back("lost an attempt: " + id.text());
    if (is->second.claims > was.claims + 1) faults.push_back("has an attempt too many: " + id.text());
  }
  for (const auto& [id, is] : found) {
    if (!known_.contains(id)) faults.push_back("came from nowhere: " + id.text());
  }
  known_ = std::move(found);
  check_deliveries(statements, faults);
  return faults;
}

void Ledger::check_deliveries(Statements& statements, std::vector<std::string>& faults) {
  std::unordered_map<api::DeliveryId, api::DeliveryStatus> found;
  Query rows = statements.use("every_delivery");
  while (rows.row())
    found[api::DeliveryId(rows.task_id(0))] = api::parse_delivery_status(rows.text(1)).value();
  for (const auto& [id, was] : deliveries_) {
    const auto is = found.find(id);
    if (is == found.end()) {
      faults.push_back("lost a delivery: " + id.get().text());
    } else if (was != api::DeliveryStatus::pending && is->second != was) {
      faults.push_back("forgot what became of a delivery: " + id.get().text());
    }
  }
  deliveries_ = std::move(found);
}

std::size_t Ledger::tasks() const {
  const std::lock_guard lock(mutex_);
  return known_.size();
}

std::size_t Ledger::deliveries() const {
  const std::lock_guard lock(mutex_);
  return deliveries_.size();
}

std::size_t Ledger::finished() const {
  const std::lock_guard lock(mutex_);
  std::size_t finished = 0;
  for (const auto& [id, known] : known_) finished += api::is_final(known.state) ? 1 : 0;
  return finished;
}

}  // namespace longhaul::tests
