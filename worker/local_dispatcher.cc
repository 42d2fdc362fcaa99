#include "worker/local_dispatcher.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/log.h"
#include "base/start_thread.h"
#include "worker/countdown.h"
#include "worker/waiting_reason.h"

namespace longhaul::worker {
namespace {

std::function<std::uint64_t()> machine_random() {
  return [engine = std::mt19937_64(std::random_device{}())]() mutable { return engine(); };
}

}  // namespace

std::unique_ptr<Dispatcher> make_dispatcher(DispatcherOptions options) {
  return std::make_unique<LocalDispatcher>(std::move(options));
}

LocalDispatcher::LocalDispatcher(DispatcherOptions options)
    : options_(std::move(options)), inbox_(std::make_shared<Inbox>()), capacity_(options_.types) {
  assert(options_.store != nullptr && options_.types != nullptr && options_.clock != nullptr);
  if (!options_.random) options_.random = machine_random();
  if (!options_.end_leftovers) options_.end_leftovers = end_leftovers;
}

LocalDispatcher::~LocalDispatcher() {
  if (thread_.joinable()) stop();
  inbox_->close();
}

void LocalDispatcher::set_executors(Executor* threads, Executor* commands) {
  options_.threads = threads;
  options_.commands = commands;
}

base::Result<void> LocalDispatcher::start() {
  if (auto opened = inbox_->open(options_.system_timers); !opened) return opened;
  {
    base::MutexLock lock(mutex_);
    if (options_.threads != nullptr) capacity_.set_places(TaskKind::builtin, options_.threads->capacity());
    if (options_.commands != nullptr) capacity_.set_places(TaskKind::command, options_.commands->capacity());
  }
  auto recovered = recover({options_.store, options_.types, options_.end_leftovers, options_.random});
  if (!recovered) return base::fail(recovered.error().message);
  due_.swept(*recovered);
  if (auto loaded = load_ready_lanes(); !loaded) return loaded;

  // The answers are in the inbox: with this turn the ready queue is there before anybody asks.
  std::vector<Message> messages;
  inbox_->take(messages);
  turn(messages);
  auto thread = base::start_thread("dispatcher", [this] { run(); });
  if (!thread) return base::fail(thread.error().message);
  thread_ = std::move(*thread);
  return {};
}

base::Result<void> LocalDispatcher::load_ready_lanes() {
  const auto lanes = options_.store->ready_lanes();
  if (!lanes) return base::fail("cannot read the queued tasks: " + lanes.error().message);
  std::vector<storage::ReadyOrder> refills;
  {
    base::MutexLock lock(mutex_);
    for (const storage::ReadyLane& lane : *lanes) ready_.add_lane_on_disk(lane.queue, lane.type);
    refills = ready_.take_refills();
  }
  if (refills.empty()) return {};
  const auto loaded = std::make_shared<Countdown>(refills.size());
  for (const storage::ReadyOrder& order : refills) {
    post_refill(order,
                [loaded](std::optional<storage::StoreError> error) { loaded->answered(std::move(error)); });
  }
  const auto error = loaded->wait();
  if (error) return base::fail("cannot read the queued tasks: " + error->message);
  return {};
}

void LocalDispatcher::stop() {
  inbox_->push(StopAsked{});
  thread_.join();
  inbox_->close();
}

void LocalDispatcher::run() {
  std::vector<Message> messages;
  while (!is_done()) {
    inbox_->take(messages);
    if (messages.empty()) {
      arm_alarm();
      inbox_->alarm().wait();
      inbox_->take(messages);
    }
    turn(messages);
  }
}

void LocalDispatcher::turn(std::vector<Message>& messages) {
  for (Message& message : messages) {
    std::visit([this](auto& it) { handle(it); }, message);
  }
  messages.clear();

  const base::BootTime now = options_.clock->boot();
  if (pause_.take_end(now)) order_owed_ends();
  fire_timeouts(now);
  if (!stopping_ && !pause_.active()) {
    orders_.sweep = !sweep_in_flight_ && (sweep_wanted_ || due_.is_due(options_.store->now()));
    order_refills();
    if (!draining_) order_claims();
  }
  carry_out();
  if (drained_ && holds_nothing()) std::exchange(drained_, nullptr)();
}

// The next moment at which a turn has something to do by itself.
void LocalDispatcher::arm_alarm() {
  std::optional<base::BootTime> boot = pause_.until();
  std::optional<base::WallTime> wall;
  const auto no_later_than = [&boot](base::BootTime at) { boot = boot ? std::min(*boot, at) : at; };
  if (stopping_) no_later_than(stop_deadline_);
  if (!stopping_ && !sweep_in_flight_ && !pause_.active()) {
    wall = due_.next_wall();
    if (const auto due = due_.next_steady()) {
      // The boot clock is read after the steady one, so the alarm may ring a little late but never early.
      const base::SteadyTime steady = options_.store->now().steady;
      no_later_than(options_.clock->boot() + (*due - steady));
    }
  }
  {
    base::MutexLock lock(mutex_);
    if (const auto timeout = attempts_.next_timeout()) no_later_than(*timeout);
  }
  inbox_->alarm().arm(boot, wall);
}

bool LocalDispatcher::holds_nothing() {
  base::MutexLock lock(mutex_);
  return attempts_.empty() && claims_in_flight_ == 0;
}

bool LocalDispatcher::is_done() {
  if (!stopping_) return false;
  if (holds_nothing()) return true;
  if (options_.clock->boot() < stop_deadline_) return false;
  base::MutexLock lock(mutex_);
  base::log_error("attempts did not stop or could not be written; the next start takes them for lost",
                  {{"attempts", attempts_.size()}});
  return true;
}

std::optional<api::WaitingFor> LocalDispatcher::explain(const api::TaskSnapshot& task) {
  if (task.state == api::TaskState::scheduled) return explain_scheduled(task, options_.store->now());
  if (task.state != api::TaskState::queued) return std::nullopt;
  base::MutexLock lock(mutex_);
  const TaskTypePtr type = capacity_.served_type(task.type);
  if (type == nullptr) return explain_unknown_type(task);
  return explain_queued(task, *type, capacity_, ready_);
}

Dispatcher::Load LocalDispatcher::load_of_queue(std::string_view queue) {
  base::MutexLock lock(mutex_);
  return {capacity_.held_by_queue(queue)};
}

Dispatcher::Load LocalDispatcher::load_of_type(std::string_view type) {
  base::MutexLock lock(mutex_);
  return {capacity_.held_by_type(type)};
}

void LocalDispatcher::on_committed(std::span<const storage::TaskChange> changes) {
  inbox_->push(Committed{{changes.begin(), changes.end()}});
}

void LocalDispatcher::on_process(api::TaskKey key, api::AttemptToken token,
                                 storage::ProcessIdentity process) {
  options_.store->record_process(key, token, std::move(process));
}

void LocalDispatcher::on_log(api::TaskKey key, api::AttemptToken token, std::vector<api::LogLine> lines) {
  std::size_t max_bytes = 0;
  {
    base::MutexLock lock(mutex_);
    const Attempt* attempt = attempts_.find(key, token);
    if (attempt == nullptr) return;  // not the current one any more
    max_bytes = attempt->type->max_log_bytes;
  }
  options_.store->append_log(key, token, std::move(lines), max_bytes);
}

void LocalDispatcher::on_progress(api::TaskKey key, api::AttemptToken token, api::Progress progress) {
  options_.store->record_progress(key, token, std::move(progress));
}

Executor* LocalDispatcher::executor_of(const TaskType& type) const {
  return type.kind == TaskKind::builtin ? options_.threads : options_.commands;
}

}  // namespace longhaul::worker
