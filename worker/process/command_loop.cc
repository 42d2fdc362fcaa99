#include "worker/process/command_loop.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "api/task_error.h"
#include "base/log.h"
#include "worker/process/leftovers.h"
#include "worker/process/spawn_request.h"

namespace longhaul::worker::process {
namespace {

// Keys of watched descriptors that belong to no attempt.
constexpr std::uint64_t bell_key = 0;
constexpr std::uint64_t spawner_key = 1;

constexpr std::size_t scratch_bytes = 64 * 1024;
// Sent to the spawner and not heard of: enough to keep it busy, and little enough to take one back or to fit
// its socket.
constexpr std::size_t max_starting = 32;
constexpr std::chrono::milliseconds tick_pause{100};
constexpr base::Milliseconds longest_grace_at_end{2'000};
constexpr std::chrono::seconds end_limit{10};
constexpr const char* ended_before_start = "the server was stopped before the program was started";

bool watch(int epoll, int descriptor, std::uint64_t key) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = key;
  return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

}  // namespace

CommandLoop::CommandLoop(const CommandExecutorOptions& options, CommandInbox& inbox)
    : options_(options),
      inbox_(inbox),
      boot_id_(base::boot_id()),
      spawner_(options.spawner_program),
      watch_(options.spawner_silence),
      scratch_(scratch_bytes) {}

base::Result<void> CommandLoop::open() {
  epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_.valid() || !inbox_.open() || !watch(epoll_.get(), inbox_.bell(), bell_key))
    return base::fail("no descriptors left; raise the limit of open files");
  if (auto launched = spawner_.launch(); !launched) return launched;
  if (auto ready = spawner_.wait_until_ready(); !ready) return ready;
  if (!watch_spawner()) return base::fail("the spawner's socket cannot be watched");
  return {};
}

void CommandLoop::run() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);  // SIGPIPE of a program that does not read is an EPIPE here
  while (!ended_) wait();
  spawner_.end();
}

// Until the next tick or the next look at the spawner, whichever comes first; with neither, without end.
int CommandLoop::time_left_ms() {
  const auto now = Clock::now();
  std::optional<Clock::time_point> until = watch_.next();
  if (needs_ticks()) {
    if (!next_tick_) next_tick_ = now + tick_pause;
    until = std::min(until.value_or(*next_tick_), *next_tick_);
  }
  if (!until) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - now).count();
  return static_cast<int>(std::max<std::int64_t>(left, 0));
}

void CommandLoop::wait() {
  std::array<epoll_event, 128> events;
  const int size = static_cast<int>(events.size());
  const int count = epoll_wait(epoll_.get(), events.data(), size, time_left_ms());
  for (int i = 0; i < count; ++i) handle(events[static_cast<std::size_t>(i)].data.u64);
  if (next_tick_ && Clock::now() >= *next_tick_) {
    next_tick_.reset();
    tick();
  }
  start_waiting();
  watch_over_spawner();
  if (give_up_at_ && attempts_.empty()) give_up();
}

void CommandLoop::handle(std::uint64_t key) {
  if (key == bell_key) return take_news();
  if (key == spawner_key) return read_spawner();
  const Token token = token_of(key);
  if (channel_of(key) == Channel::lifeline) return read_lifeline(token);
  RunningAttempt* attempt = find(token);
  if (attempt == nullptr) return;  // it ended by an earlier event of this turn
  attempt->on_ready(channel_of(key), scratch_);
  note_ticks(*attempt);
}

bool CommandLoop::needs_ticks() const {
  return !ticking_.empty() || !to_settle_.empty() || !sweep_.is_done() || !spawner_.is_up() ||
         start_is_blocked_ || give_up_at_;
}

void CommandLoop::tick() {
  start_is_blocked_ = false;
  if (!spawner_.is_up()) relaunch_spawner();
  const auto now = Clock::now();
  for (const Token token : std::vector<Token>(ticking_.begin(), ticking_.end())) {
    RunningAttempt* attempt = find(token);
    if (attempt == nullptr) continue;
    attempt->tick(now);
    if (attempt->is_overdue(now) && has_living_spawner(*attempt)) {
      spawner_.kill_shim(token.get());
      to_be_told_.insert(token);
    }
    note_ticks(*attempt);
  }
  settle();
  if (give_up_at_ && now >= *give_up_at_) give_up();
}

// ---- starting

void CommandLoop::take_news() {
  CommandInbox::News news = inbox_.take();
  if (!news.begun.empty()) oom_watch_.refresh(Clock::now());
  for (AttemptOrder& order : news.begun) begin(std::move(order));
  for (const Token token : news.stopped) stop(token);
  if (news.ending) begin_to_end();
}

void CommandLoop::begin(AttemptOrder order) {
  const Token token = order.token;
  if (give_up_at_) return options_.sink->on_finished(lost(order, ended_before_start));
  if (order.type->command.empty())
    return options_.sink->on_finished(failed_before_start(order, "the type's command is empty", false));
  attempts_.emplace(token,
                    std::make_unique<RunningAttempt>(std::move(order), *options_.sink, *options_.clock));
  waiting_.push_back(token);
}

void CommandLoop::start_waiting() {
  while (!waiting_.empty() && spawner_.is_ready() && !start_is_blocked_ && starting_ < max_starting &&
         active_ < options_.max_processes) {
    RunningAttempt* attempt = find(waiting_.front());
    if (attempt != nullptr && !start(*attempt)) return;
    waiting_.pop_front();
  }
}

bool CommandLoop::start(RunningAttempt& attempt) {
  const Token token = attempt.order().token;
  if (!attempt.ends) {
    if (auto opened = attempt.open(epoll_.get()); !opened) {
      finish(token, failed_before_start(attempt.order(), opened.error().message, true));
      return true;
    }
  }
  const std::string message = encode(make_spawn_request(attempt.order()));
  if (message.size() > spawn_message_bytes) {
    finish(token, failed_before_start(attempt.order(),
                                      "the type's command and environment have more than " +
                                          std::to_string(spawn_message_bytes) + " bytes together",
                                      false));
    return true;
  }
  const Transfer sent = spawner_.spawn(message, *attempt.ends);
  if (sent != Transfer::done) {
    start_is_blocked_ = true;  // full: a tick tries again. Closed: its own event tells of it
    return false;
  }
  attempt.ends.reset();
  attempt.generation = spawner_.generation();
  ++active_;
  ++starting_;
  return true;
}

void CommandLoop::stop(Token token) {
  RunningAttempt* attempt = find(token);
  if (attempt == nullptr || attempt->was_told_to_stop()) return;
  if (attempt->generation == 0) {
    AttemptReport report = failed_before_start(attempt->order(), "stopped before it was started", true);
    report.error->code = api::task_error::cancelled;
    finish(token, std::move(report));
    return;
  }
  attempt->tell_to_stop(attempt->order().type->grace);
  note_ticks(*attempt);
}

// ---- ending

void CommandLoop::read_lifeline(Token token) {
  for (;;) {
    RunningAttempt* attempt = find(token);
    if (attempt == nullptr || attempt->shim_gone) return;
    ShimReport report;
    const Transfer transfer = attempt->read_report(report);
    if (transfer == Transfer::would_block) return;
    if (transfer == Transfer::done) {
      take_report(*attempt, report);
      continue;
    }
    attempt->shim_gone = true;
    if (has_living_spawner(*attempt)) {
      if (attempt->orphans_gone) return finish_lost(*attempt);
      to_be_told_.insert(token);
    } else {
      to_settle_.insert(token);
    }
    return;
  }
}

void CommandLoop::take_report(RunningAttempt& attempt, const ShimReport& report) {
  const AttemptOrder& order = attempt.order();
  if (!std::exchange(attempt.started, true)) --starting_;
  switch (report.kind) {
    case ShimKind::started:
      attempt.process = storage::ProcessIdentity{report.pid, report.start_ticks, boot_id_};
      options_.sink->on_process(order.key, order.token, *attempt.process);
      return;
    case ShimKind::start_failed:
      return finish(order.token, judge_failed_start(order, report.stage, report.error_number));
    case ShimKind::finished: return finish_ended(attempt, report);
  }
}

void CommandLoop::finish_ended(RunningAttempt& attempt, const ShimReport& report) {
  ProgramEnd end = attempt.end(report, scratch_);
  const bool killed = report.killed != 0;
  if (!killed && WIFSIGNALED(report.wait_status) && WTERMSIG(report.wait_status) == SIGKILL)
    end.out_of_memory = oom_watch_.has_killed();
  const api::ResourceUse use = end.use;
  AttemptReport result = judge_end(attempt.order(), end);
  const bool ended_by_us = give_up_at_ && attempt.was_told_to_stop();
  if (report.abandoned != 0 || (ended_by_us && !result.succeeded)) {
    result = lost(attempt.order(), report.abandoned != 0
                                       ? "the spawner process died, and the program was ended with it"
                                       : "the server was stopped, and ended the program");
    result.use = use;
  }
  finish(attempt.order().token, std::move(result));
}

void CommandLoop::finish_lost(RunningAttempt& attempt) {
  attempt.end_unknown(scratch_);
  finish(attempt.order().token, lost(attempt.order(),
                                     "the process that watched over the program died; what was left of the "
                                     "program has been ended"));
}

void CommandLoop::finish(Token token, AttemptReport report) {
  const auto found = attempts_.find(token);
  const RunningAttempt& attempt = *found->second;
  if (attempt.generation != 0) --active_;
  if (attempt.generation != 0 && !attempt.started) --starting_;
  ticking_.erase(token);
  to_settle_.erase(token);
  to_be_told_.erase(token);
  attempts_.erase(found);
  options_.sink->on_finished(std::move(report));
}

void CommandLoop::begin_to_end() {
  give_up_at_ = Clock::now() + end_limit;
  std::vector<RunningAttempt*> all;
  for (const auto& [token, attempt] : attempts_) all.push_back(attempt.get());
  for (RunningAttempt* attempt : all) {
    if (attempt->generation == 0) {
      finish(attempt->order().token, lost(attempt->order(), ended_before_start));
    } else {
      attempt->tell_to_stop(std::min(attempt->order().type->grace, longest_grace_at_end));
      note_ticks(*attempt);
    }
  }
}

void CommandLoop::give_up() {
  for (AttemptOrder& order : inbox_.close().begun)
    options_.sink->on_finished(lost(order, ended_before_start));
  if (!attempts_.empty())
    base::log_warning("programs cannot be killed; the next start of the server sees to them",
                      {{"programs", attempts_.size()}});
  ended_ = true;
}

// ---- the spawner

bool CommandLoop::has_living_spawner(const RunningAttempt& attempt) const {
  return spawner_.is_up() && attempt.generation == spawner_.generation();
}

bool CommandLoop::watch_spawner() { return watch(epoll_.get(), spawner_.control(), spawner_key); }

void CommandLoop::read_spawner() {
  if (!spawner_.is_up()) return;
  const bool alive = spawner_.read([this](std::int64_t token) {
    RunningAttempt* attempt = find(Token(token));
    if (attempt == nullptr) return;
    attempt->orphans_gone = true;
    if (attempt->shim_gone) finish_lost(*attempt);
  });
  if (!alive) return lose_spawner("died");
  watch_.heard();
}

bool CommandLoop::is_spawner_awaited() const {
  return spawner_.is_up() &&
         (!spawner_.is_ready() || starting_ > 0 || start_is_blocked_ || !to_be_told_.empty());
}

void CommandLoop::watch_over_spawner() {
  const auto now = Clock::now();
  watch_.expect(is_spawner_awaited(), now);
  switch (watch_.pass(now)) {
    case SpawnerWatch::Step::nothing: return;
    case SpawnerWatch::Step::ask: return spawner_.ping();
    case SpawnerWatch::Step::hangs: return lose_spawner("does not react and is killed");
  }
}

void CommandLoop::lose_spawner(const char* what_happened) {
  base::log_warning("the spawner process is lost: its programs are ended and another one is started",
                    {{"cause", what_happened}, {"pid", spawner_.pid()}, {"programs", attempts_.size()}});
  to_be_told_.clear();
  sweep_.note_dead_spawner(spawner_.pid());
  const bool worked = spawner_.is_ready();
  spawner_.bury();
  for (const auto& [token, attempt] : attempts_)
    if (attempt->shim_gone) to_settle_.insert(token);
  if (!worked) fail_waiting("the spawner process died while it started");
}

// Those who wait had better be tried again later than wait for nobody knows how long.
void CommandLoop::fail_waiting(const std::string& why) {
  base::log_error("no program can be started", {{"cause", why}});
  for (const Token token : std::exchange(waiting_, {}))
    if (RunningAttempt* attempt = find(token))
      finish(token, failed_before_start(attempt->order(), why, true));
}

void CommandLoop::relaunch_spawner() {
  if (give_up_at_ || Clock::now() < spawner_.next_launch()) return;
  auto launched = spawner_.launch();
  if (launched && watch_spawner()) return;
  if (launched) spawner_.bury();
  fail_waiting(launched ? "the spawner's socket cannot be watched" : launched.error().message);
}

void CommandLoop::settle() {
  const bool clean = sweep_.pass(spawner_.pid());
  if (to_settle_.empty()) return;
  std::vector<Leftover> leftovers;
  for (const Token token : to_settle_) {
    const RunningAttempt& attempt = *attempts_.at(token);
    leftovers.push_back({attempt.order().id, token, attempt.process});
  }
  if (!kill_leftovers(leftovers).empty() || !clean) return;
  for (const Leftover& leftover : leftovers) finish_lost(*attempts_.at(leftover.token));
}

// ---- both

RunningAttempt* CommandLoop::find(Token token) {
  const auto found = attempts_.find(token);
  return found == attempts_.end() ? nullptr : found->second.get();
}

void CommandLoop::note_ticks(const RunningAttempt& attempt) {
  if (attempt.wants_tick())
    ticking_.insert(attempt.order().token);
  else
    ticking_.erase(attempt.order().token);
}

}  // namespace longhaul::worker::process
