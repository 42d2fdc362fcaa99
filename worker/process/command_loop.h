// The command-io thread: one epoll over the pipes and lifelines of all attempts and the spawner's socket.
// Everything that happens to an attempt happens here, so nothing is locked; the inbox is the only way in, the
// sink the only way out.
//
// An attempt's way: waiting -> open, with pipes -> sent to a spawner -> started -> ended, told to the sink,
// forgotten. With nothing to do it sleeps without a timeout.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "worker/process/command_executor.h"
#include "worker/process/command_inbox.h"
#include "worker/process/oom_watch.h"
#include "worker/process/orphan_sweep.h"
#include "worker/process/running_attempt.h"
#include "worker/process/spawner_process.h"
#include "worker/process/spawner_watch.h"

namespace longhaul::worker::process {

class CommandLoop {
 public:
  CommandLoop(const CommandExecutorOptions& options, CommandInbox& inbox);

  // Starts the spawner and waits for it. After an error nothing is left running.
  [[nodiscard]] base::Result<void> open();
  // After open(), instead of run(): lets go of the spawner.
  void close() { spawner_.end(); }
  // The body of the thread. Returns after the inbox was told to end, when nothing runs any more.
  void run();

 private:
  using Clock = RunningAttempt::Clock;
  using Token = api::AttemptToken;

  void wait();
  void handle(std::uint64_t key);
  void tick();
  [[nodiscard]] bool needs_ticks() const;
  [[nodiscard]] int time_left_ms();

  // starting
  void take_news();
  void begin(AttemptOrder order);
  void start_waiting();
  // False when the spawner takes no more at the moment.
  bool start(RunningAttempt& attempt);
  void stop(Token token);

  // ending
  void read_lifeline(Token token);
  void take_report(RunningAttempt& attempt, const ShimReport& report);
  void finish(Token token, AttemptReport report);
  void finish_ended(RunningAttempt& attempt, const ShimReport& report);
  void finish_lost(RunningAttempt& attempt);
  [[nodiscard]] bool has_living_spawner(const RunningAttempt& attempt) const;
  void begin_to_end();
  void give_up();

  // the spawner
  [[nodiscard]] bool watch_spawner();
  void read_spawner();
  void lose_spawner(const char* what_happened);
  // Whether the spawner owes something: a start, an end, or to be ready.
  [[nodiscard]] bool is_spawner_awaited() const;
  void watch_over_spawner();
  void relaunch_spawner();
  void fail_waiting(const std::string& why);
  void settle();

  RunningAttempt* find(Token token);
  // Keeps the list of those that need ticks right, after anything that may have changed it.
  void note_ticks(const RunningAttempt& attempt);

  const CommandExecutorOptions options_;
  CommandInbox& inbox_;
  const std::string boot_id_;
  base::UniqueFd epoll_;
  SpawnerProcess spawner_;
  SpawnerWatch watch_;
  OrphanSweep sweep_;
  OomWatch oom_watch_;
  std::vector<char> scratch_;

  std::unordered_map<Token, std::unique_ptr<RunningAttempt>> attempts_;
  std::deque<Token> waiting_;  // not sent to a spawner; some may be gone already
  std::size_t active_ = 0;     // sent to a spawner
  std::size_t starting_ = 0;   // of these, the ones not heard of
  std::unordered_set<Token> ticking_;
  std::unordered_set<Token> to_settle_;   // their shim and their spawner are dead
  std::unordered_set<Token> to_be_told_;  // the spawner has to end their shim, or what it left behind
  std::optional<Clock::time_point> next_tick_;
  bool start_is_blocked_ = false;
  std::optional<Clock::time_point> give_up_at_;  // set: ending
  bool ended_ = false;
};

}  // namespace longhaul::worker::process
