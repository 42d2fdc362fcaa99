#include "worker/process/running_attempt.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace longhaul::worker::process {
namespace {

// How long after the grace a shim that says nothing is taken for stuck.
constexpr std::chrono::seconds shim_allowance{3};

struct Pipe {
  base::UniqueFd read_end;
  base::UniqueFd write_end;
};
std::optional<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  return Pipe{base::UniqueFd(ends[0]), base::UniqueFd(ends[1])};
}

// Our ends do not block; the program's, which are other descriptions, do.
bool watch(int epoll, const base::UniqueFd& end, std::uint64_t key, std::uint32_t events,
           bool set_non_blocking = true) {
  if (set_non_blocking && fcntl(end.get(), F_SETFL, O_NONBLOCK) != 0) return false;
  epoll_event event{};
  event.events = events;
  event.data.u64 = key;
  return epoll_ctl(epoll, EPOLL_CTL_ADD, end.get(), &event) == 0;
}

base::Failure<base::Error> failed(const char* what) {
  return base::fail(std::string("the server could not make the ") + what + " of the program (" +
                    std::strerror(errno) + "); it may have reached its limit of open files");
}

}  // namespace

RunningAttempt::RunningAttempt(AttemptOrder order, AttemptSink& sink, const base::Clock& clock)
    : order_(std::move(order)), sink_(sink), clock_(clock), log_lines_(order_.type->max_log_bytes) {}

base::Result<void> RunningAttempt::open(int epoll) {
  auto input = make_pipe();
  auto output = make_pipe();
  auto log = make_pipe();
  auto progress = make_pipe();
  if (!input || !output || !log || !progress) return failed("pipes");
  auto lifeline = make_socket_pair();
  if (!lifeline) return failed("sockets");
  input_ = std::move(input->write_end);
  output_ = std::move(output->read_end);
  log_ = std::move(log->read_end);
  progress_ = std::move(progress->read_end);
  lifeline_ = std::move(lifeline->here);

  if (fcntl(input_.get(), F_SETFL, O_NONBLOCK) != 0) return failed("pipes");
  write_payload();
  const bool watched =
      (!input_.valid() || watch(epoll, input_, watch_key(order_.token, Channel::input), EPOLLOUT, false)) &&
      watch(epoll, output_, watch_key(order_.token, Channel::output), EPOLLIN) &&
      watch(epoll, log_, watch_key(order_.token, Channel::log), EPOLLIN) &&
      watch(epoll, progress_, watch_key(order_.token, Channel::progress), EPOLLIN) &&
      watch(epoll, lifeline_, watch_key(order_.token, Channel::lifeline), EPOLLIN, false);
  if (!watched) return failed("pipes");
  ends = SpawnEnds{std::move(input->read_end), std::move(output->write_end), std::move(log->write_end),
                   std::move(progress->write_end), std::move(lifeline->there)};
  return {};
}

Transfer RunningAttempt::read_report(ShimReport& report) {
  const Transfer transfer = receive_message(lifeline_.get(), report);
  if (transfer == Transfer::closed) lifeline_.reset();  // or epoll would tell of it for ever
  return transfer;
}

void RunningAttempt::on_ready(Channel channel, std::span<char> scratch) {
  switch (channel) {
    case Channel::input: return write_payload();
    case Channel::output: return read_some(output_, channel, scratch);
    case Channel::log: return read_some(log_, channel, scratch);
    case Channel::progress: return read_some(progress_, channel, scratch);
    case Channel::lifeline: return;
  }
}

void RunningAttempt::write_payload() {
  const std::string_view payload = order_.payload.text;
  while (input_.valid() && payload_written_ < payload.size()) {
    const std::string_view rest = payload.substr(payload_written_);
    const ssize_t size = write(input_.get(), rest.data(), rest.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return;
    if (size < 0) break;  // nobody reads any more, and nobody has to
    payload_written_ += static_cast<std::size_t>(size);
  }
  input_.reset();
  std::exchange(order_.payload.text, {});
}

void RunningAttempt::read_some(base::UniqueFd& from, Channel channel, std::span<char> scratch) {
  if (!from.valid()) return;
  const ssize_t size = read(from.get(), scratch.data(), scratch.size());
  if (size > 0)
    take(channel, {scratch.data(), static_cast<std::size_t>(size)});
  else if (size == 0 || (errno != EAGAIN && errno != EINTR))
    from.reset();
}

void RunningAttempt::drain(base::UniqueFd& from, Channel channel, std::span<char> scratch) {
  if (!from.valid()) return;
  // Everybody who belonged to it is dead; were the pipe held by a stranger, it would still be no more than it
  // can hold.
  std::int64_t left = fcntl(from.get(), F_GETPIPE_SZ);
  while (left > 0) {
    const ssize_t size = read(from.get(), scratch.data(), scratch.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    take(channel, {scratch.data(), static_cast<std::size_t>(size)});
    left -= size;
  }
  from.reset();
}

void RunningAttempt::take(Channel channel, std::string_view bytes) {
  if (channel == Channel::output) return take_output(bytes);
  const api::WallTime now = clock_.wall();
  if (channel == Channel::log) {
    log_lines_.feed(bytes, now);
  } else {
    progress_reader_.feed(bytes, now, [&](const LineSplitter::Line& line) {
      log_lines_.add("log", line.bytes, line.cut, now);
    });
    hand_on_progress(progress_reader_.take(Clock::now()));
  }
  if (log_lines_.is_full()) hand_on_log();
}

void RunningAttempt::take_output(std::string_view bytes) {
  if (result_too_large_) return;
  if (result_.size() + bytes.size() > order_.type->max_result_bytes) {
    result_too_large_ = true;
    std::exchange(result_, {});
    return;
  }
  result_.append(bytes);
}

void RunningAttempt::hand_on_log() {
  if (log_lines_.has_lines()) sink_.on_log(order_.key, order_.token, log_lines_.take());
}

void RunningAttempt::hand_on_progress(std::optional<api::Progress> progress) {
  if (progress) sink_.on_progress(order_.key, order_.token, std::move(*progress));
}

void RunningAttempt::tell_to_stop(base::Milliseconds grace) {
  StopOrder stop;
  stop.grace_ms = std::max<std::int64_t>(grace.count(), 0);
  (void)send_message(lifeline_.get(), stop);  // a shim that is gone has stopped
  const auto limit = Clock::now() + grace + shim_allowance;
  stop_limit_ = std::min(stop_limit_.value_or(limit), limit);
}

bool RunningAttempt::is_overdue(Clock::time_point now) {
  if (!stop_limit_ || now < *stop_limit_) return false;
  return !std::exchange(overdue_told_, true);
}

bool RunningAttempt::wants_tick() const {
  return log_lines_.has_lines() || progress_reader_.has_news() || (stop_limit_ && !overdue_told_);
}

void RunningAttempt::tick(Clock::time_point now) {
  hand_on_log();
  hand_on_progress(progress_reader_.take(now));
}

void RunningAttempt::end_unknown(std::span<char> scratch) {
  drain(output_, Channel::output, scratch);
  drain(log_, Channel::log, scratch);
  drain(progress_, Channel::progress, scratch);
  const api::WallTime now = clock_.wall();
  log_lines_.end(now);
  progress_reader_.end(
      now, [&](const LineSplitter::Line& line) { log_lines_.add("log", line.bytes, line.cut, now); });
  hand_on_log();
  hand_on_progress(progress_reader_.take_last());
}

ProgramEnd RunningAttempt::end(const ShimReport& report, std::span<char> scratch) {
  end_unknown(scratch);
  ProgramEnd end;
  end.wait_status = report.wait_status;
  end.told_to_stop = was_told_to_stop();
  // It may have ended by itself in the moment in which it was to be killed.
  end.killed_by_us =
      report.killed != 0 && WIFSIGNALED(report.wait_status) && WTERMSIG(report.wait_status) == SIGKILL;
  end.result_too_large = result_too_large_;
  end.output = std::move(result_);
  end.last_line = log_lines_.last_line();
  end.use = {report.peak_memory_bytes, static_cast<double>(report.cpu_microseconds) / 1e6};
  return end;
}

}  // namespace longhaul::worker::process
