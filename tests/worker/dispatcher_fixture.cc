#include "tests/worker/dispatcher_fixture.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <future>
#include <stdexcept>

#include "api/task_state.h"
#include "storage/sqlite/sqlite_store.h"
#include "tests/worker/borrowed_type.h"
#include "tests/worker/patience.h"

namespace longhaul::tests {
namespace {

std::filesystem::path make_folder() {
  std::string name = (std::filesystem::temp_directory_path() / "longhaul-worker-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder");
  return name;
}

bool is_allowed(std::optional<TaskState> from, TaskState to) {
  if (!from) return to == TaskState::scheduled || to == TaskState::queued;
  for (const api::Transition& row : api::transitions()) {
    if (row.from == *from && row.to == to) return true;
  }
  return false;
}

// Asks the store and waits for the answer, which must be there.
template <class T, class Ask>
T answer_of(Ask ask) {
  const auto promise = std::make_shared<std::promise<storage::StoreResult<T>>>();
  auto future = promise->get_future();
  ask([promise](storage::StoreResult<T> result) { promise->set_value(std::move(result)); });
  INFO("waiting for an answer of the store");
  REQUIRE(future.wait_for(patience) == std::future_status::ready);
  storage::StoreResult<T> result = future.get();
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(result).value();
}

}  // namespace

void History::on_committed(std::span<const storage::TaskChange> changes) {
  base::MutexLock lock(mutex_);
  for (const storage::TaskChange& change : changes) {
    auto& states = tasks_[change.task->id];
    const std::optional<TaskState> before =
        states.empty() ? std::nullopt : std::optional(states.back()->state);
    if (before != change.from || !is_allowed(before, change.task->state)) {
      faults_.push_back(std::string(before ? api::to_text(*before) : "new") + " -> " +
                        std::string(api::to_text(change.task->state)));
    }
    states.push_back(change.task);
  }
  changed_.notify_all();
}

TaskSnapshotPtr History::wait_until(const api::TaskId& id,
                                    const std::function<bool(const api::TaskSnapshot&)>& condition) {
  return wait_until(id, "a task to come to what the test wants", condition);
}

TaskSnapshotPtr History::wait_until(const api::TaskId& id, const std::string& what,
                                    const std::function<bool(const api::TaskSnapshot&)>& condition) {
  Patience left(what);
  base::MutexLock lock(mutex_);
  for (;;) {
    const auto& states = tasks_[id];
    if (!states.empty() && condition(*states.back())) return states.back();
    left.wait(changed_, mutex_);
  }
}

TaskSnapshotPtr History::wait_for_state(const api::TaskId& id, TaskState state) {
  return wait_until(id, id.text() + " to become " + std::string(api::to_text(state)),
                    [state](const api::TaskSnapshot& task) { return task.state == state; });
}

TaskSnapshotPtr History::wait_for_end(const api::TaskId& id) {
  return wait_until(id, id.text() + " to end",
                    [](const api::TaskSnapshot& task) { return api::is_final(task.state); });
}

std::vector<TaskState> History::states_of(const api::TaskId& id) {
  base::MutexLock lock(mutex_);
  std::vector<TaskState> states;
  for (const TaskSnapshotPtr& task : tasks_[id]) states.push_back(task->state);
  return states;
}

std::vector<std::string> History::faults() {
  base::MutexLock lock(mutex_);
  return faults_;
}

DispatcherFixture::DispatcherFixture(FixtureOptions options)
    : commands(options.command_places),
      options_(std::move(options)),
      folder_(make_folder()),
      used_clock_(options_.machine_clock ? static_cast<const base::Clock&>(machine_clock_) : clock),
      threads_(4) {
  add_type("work");
  add_type("barrier").kind = worker::TaskKind::builtin;
  threads_.succeed_at_once();
  open();
}

void DispatcherFixture::open() {
  storage::SqliteOptions sqlite;
  sqlite.path = (folder_ / "longhaul.db").string();
  sqlite.clock = &used_clock_;
  auto opened = storage::open_sqlite_store(sqlite);
  REQUIRE_MESSAGE(opened.ok(), (opened.ok() ? "" : opened.error().message));
  store_ = std::make_unique<StoreProxy>(std::move(*opened));

  worker::DispatcherOptions wiring;
  wiring.store = store_.get();
  wiring.types = borrowed(types);
  wiring.clock = &used_clock_;
  wiring.system_timers = options_.machine_clock;
  wiring.end_leftovers = options_.end_leftovers;
  wiring.random = [this] { return random; };
  dispatcher_ = worker::make_dispatcher(std::move(wiring));
  threads_.report_to(dispatcher_.get());
  commands.report_to(dispatcher_.get());
  dispatcher_->set_executors(&threads_, &commands);
  store_->add_observer(&history);
  store_->add_observer(dispatcher_.get());
  REQUIRE(store_->start().ok());
}

DispatcherFixture::~DispatcherFixture() {
  if (running_) {
    commands.succeed_at_once();  // a claim may be on its way still
    stop_dispatcher();
  }
  store_->stop();
  for (const std::string& fault : history.faults()) FAIL_CHECK(fault);
  for (const std::string& fault : commands.faults()) FAIL_CHECK(fault);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void DispatcherFixture::reopen_store() {
  store_->stop();
  store_.reset();
  dispatcher_.reset();
  open();
}

worker::TaskType& DispatcherFixture::add_type(const std::string& name) {
  worker::TaskType& type = drafts_[name];
  type.name = name;
  return type;
}

base::Result<void> DispatcherFixture::try_start_dispatcher() {
  for (const auto& [name, type] : drafts_) types.add(type);
  auto started = dispatcher_->start();
  running_ = started.ok();
  return started;
}

void DispatcherFixture::start_dispatcher() {
  const auto started = try_start_dispatcher();
  REQUIRE_MESSAGE(started.ok(), (started.ok() ? "" : started.error().message));
}

void DispatcherFixture::stop_dispatcher() {
  running_ = false;
  dispatcher_->stop();
}

storage::NewTask DispatcherFixture::order() {
  storage::NewTask task;
  const storage::Now now = store_->now();
  ++last_id_;
  task.id =
      api::TaskId::make(now.wall.time_since_epoch(), static_cast<std::uint16_t>(last_id_ & 0xFFF), last_id_);
  task.type = "work";
  task.queue = "default";
  task.payload = {"null"};
  task.max_attempts = 3;
  task.created_at = now.wall;
  task.run_at = now.wall;
  return task;
}

TaskSnapshotPtr DispatcherFixture::add(storage::NewTask task) {
  return answer_of<storage::EnqueueOutcome>([&](auto done) { store_->enqueue(std::move(task), done); }).task;
}

storage::CancelOutcome DispatcherFixture::cancel(const TaskSnapshotPtr& task) {
  return answer_of<storage::CancelOutcome>([&](auto done) { store_->cancel(task->id, "because", done); });
}

storage::RetryOutcome DispatcherFixture::retry(const TaskSnapshotPtr& task) {
  return answer_of<storage::RetryOutcome>([&](auto done) { store_->retry({task->id, {}, {}}, done); });
}

storage::Claimed DispatcherFixture::claim(const TaskSnapshotPtr& task) {
  auto outcome = answer_of<storage::ClaimOutcome>([&](auto done) {
    store_->claim({{task->key, "old"}}, done);
  });
  return outcome.at(0).value();
}

api::TaskDetail DispatcherFixture::detail(const TaskSnapshotPtr& task) {
  return store_->find_detail(task->id).value().value();
}

std::optional<api::WaitingFor> DispatcherFixture::explain(const TaskSnapshotPtr& task) {
  return dispatcher_->explain(*store_->find(task->id).value());
}

void DispatcherFixture::advance(Milliseconds by) {
  clock.advance(by);
  dispatcher_->clock_changed();
}

TaskSnapshotPtr DispatcherFixture::advance_until(const TaskSnapshotPtr& task, TaskState state) {
  const Patience left(task->id.text() + " to become " + std::string(api::to_text(state)));
  while (history.states_of(task->id).back() != state) {
    advance(Milliseconds(100));
    left.yield();
  }
  return history.wait_for_state(task->id, state);
}

void DispatcherFixture::step_wall(Milliseconds by) {
  clock.step_wall(by);
  dispatcher_->clock_changed();
}

// A task that went all the way through the dispatcher and back: each step of it came behind what was there
// before. Three in a row, since what was there before may have led to orders of its own.
void DispatcherFixture::settle() {
  for (int i = 0; i < 3; ++i) {
    storage::NewTask barrier = order();
    barrier.type = "barrier";
    barrier.queue = "barrier";
    history.wait_for_state(add(std::move(barrier))->id, TaskState::succeeded);
  }
}

}  // namespace longhaul::tests
