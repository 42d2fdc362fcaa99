// One attempt on the server's side: the ends of its pipes and of its lifeline, and what has come through them
// so far.
//
// Not thread-safe: the command-io thread's own. Descriptors are watched by the epoll given to open() until
// they close; events carry watch_key(token, channel).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "worker/executor.h"
#include "worker/process/attempt_outcome.h"
#include "worker/process/log_collector.h"
#include "worker/process/progress_reader.h"
#include "worker/process/spawn_protocol.h"

namespace longhaul::worker::process {

enum class Channel : std::uint8_t { input, output, log, progress, lifeline };

// Tokens are greater than 0: keys below 8 are free for others.
[[nodiscard]] constexpr std::uint64_t watch_key(api::AttemptToken token, Channel channel) {
  return static_cast<std::uint64_t>(token.get()) << 3 | static_cast<std::uint64_t>(channel);
}
[[nodiscard]] constexpr api::AttemptToken token_of(std::uint64_t key) {
  return api::AttemptToken(static_cast<std::int64_t>(key >> 3));
}
[[nodiscard]] constexpr Channel channel_of(std::uint64_t key) { return static_cast<Channel>(key & 7); }

class RunningAttempt {
 public:
  using Clock = std::chrono::steady_clock;

  RunningAttempt(AttemptOrder order, AttemptSink& sink, const base::Clock& clock);

  [[nodiscard]] const AttemptOrder& order() const { return order_; }
  // Makes the pipes and the lifeline; the program's ends are in `ends` then. What fits of the payload is
  // written at once.
  [[nodiscard]] base::Result<void> open(int epoll);
  // An event on any channel but the lifeline. `scratch` is room for reading.
  void on_ready(Channel channel, std::span<char> scratch);
  [[nodiscard]] Transfer read_report(ShimReport& report);

  // SIGTERM, and SIGKILL after the grace. Again: only to shorten it.
  void tell_to_stop(base::Milliseconds grace);
  [[nodiscard]] bool was_told_to_stop() const { return stop_limit_.has_value(); }
  // True once, when it was told to stop and its shim should long have said that it is over.
  [[nodiscard]] bool is_overdue(Clock::time_point now);

  // Log lines, or progress, or a stop, for which time has to pass: call tick() every now and then.
  [[nodiscard]] bool wants_tick() const;
  void tick(Clock::time_point now);

  // Its tree is gone: reads what is still in the pipes, hands on log and progress to the last line, and tells
  // how it went.
  [[nodiscard]] ProgramEnd end(const ShimReport& report, std::span<char> scratch);
  // The same for one of which nobody can tell how it went.
  void end_unknown(std::span<char> scratch);

  // What the executor notes of it.
  std::optional<SpawnEnds> ends;  // set: open, and not yet sent to a spawner
  int generation = 0;             // of the spawner it was sent to; 0: not sent
  bool started = false;           // its shim has said so
  bool orphans_gone = false;      // its shim died, and its spawner has ended what was left
  bool shim_gone = false;         // the lifeline closed without a last report
  std::optional<storage::ProcessIdentity> process;

 private:
  void write_payload();
  void read_some(base::UniqueFd& from, Channel channel, std::span<char> scratch);
  void drain(base::UniqueFd& from, Channel channel, std::span<char> scratch);
  void take(Channel channel, std::string_view bytes);
  void take_output(std::string_view bytes);
  void hand_on_log();
  void hand_on_progress(std::optional<api::Progress> progress);

  AttemptOrder order_;
  AttemptSink& sink_;
  const base::Clock& clock_;
  base::UniqueFd input_;
  base::UniqueFd output_;
  base::UniqueFd log_;
  base::UniqueFd progress_;
  base::UniqueFd lifeline_;
  std::size_t payload_written_ = 0;
  std::string result_;
  bool result_too_large_ = false;
  LogCollector log_lines_;
  ProgressReader progress_reader_;
  std::optional<Clock::time_point> stop_limit_;
  bool overdue_told_ = false;
};

}  // namespace longhaul::worker::process
