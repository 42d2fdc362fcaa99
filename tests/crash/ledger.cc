#include "tests/crash/ledger.h"

#include "storage/sqlite/connection.h"
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
    "SELECT count(*) FROM pragma_foreign_key_check",
};

constexpr embedded::TextFile every_task = {
    "every_task",
    "-- name: every_task\n"
    "SELECT id, state, revision, (SELECT count(*) FROM attempts WHERE attempts.seq = tasks.seq) FROM tasks;"};

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
  }
  ++commits_;
  changed_.notify_all();
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
  if (connection.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'tasks'") == 0) {
    // The power went while the database was made; nobody can have been answered.
    if (!known_.empty()) faults.push_back("the schema is lost");
    return faults;
  }
  for (const char* invariant : invariants) {
    if (connection.integer(invariant) != 0)
      faults.push_back(std::string("an invariant is broken: ") + invariant);
  }

  std::unordered_map<TaskId, Known> found;
  const SqlLibrary library{std::span(&every_task, 1)};
  Statements statements(connection, library);
  Query rows = statements.use("every_task");
  while (rows.row()) found[rows.task_id(0)] = {rows.integer(2), read_state(rows, 1), rows.integer(3)};
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
    if (is->second.claims < was.claims) faults.push_back("lost an attempt: " + id.text());
    if (is->second.claims > was.claims + 1) faults.push_back("has an attempt too many: " + id.text());
  }
  for (const auto& [id, is] : found) {
    if (!known_.contains(id)) faults.push_back("came from nowhere: " + id.text());
  }
  known_ = std::move(found);
  return faults;
}

std::size_t Ledger::tasks() const {
  const std::lock_guard lock(mutex_);
  return known_.size();
}

std::size_t Ledger::finished() const {
  const std::lock_guard lock(mutex_);
  std::size_t finished = 0;
  for (const auto& [id, known] : known_) finished += api::is_final(known.state) ? 1 : 0;
  return finished;
}

}  // namespace longhaul::tests
