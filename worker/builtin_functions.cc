// The task functions that need no configuration.
#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>

#include "api/json_reader.h"
#include "api/limits.h"
#include "api/task_error.h"
#include "worker/thread_executor.h"

namespace longhaul::worker {
namespace {

using FunctionResult = base::Result<api::RawJson, TaskFailure>;
using Clock = std::chrono::steady_clock;

FunctionResult echo(TaskContext& context) { return context.order().payload; }

// The one member "seconds", in range. Anything else is nothing.
std::optional<double> seconds_of(const api::RawJson& payload) {
  const auto members = api::members_of(payload);
  if (members.size() != 1 || members.front().first != "seconds") return std::nullopt;
  const auto seconds = api::number_of(members.front().second);
  if (!seconds || !std::isfinite(*seconds)) return std::nullopt;
  if (*seconds < 0 || *seconds > api::limits::duration_seconds_max) return std::nullopt;
  return seconds;
}

FunctionResult sleep(TaskContext& context) {
  const auto seconds = seconds_of(context.order().payload);
  if (!seconds) {
    return task_failure(api::task_error::payload_invalid,
                        R"(the payload must be {"seconds": n}, n from 0 to 316224000 (ten years))", false);
  }
  const auto total = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(*seconds));
  // A hundred steps, but none shorter than a second: what somebody who looks could tell apart.
  const auto step = std::max<Clock::duration>(std::chrono::seconds(1), total / 100);
  const auto begin = Clock::now();
  const auto end = begin + total;

  const std::stop_token stop = context.stop_token();
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  for (auto until = begin + step;; until += step) {
    wake.wait_until(lock, stop, std::min(until, end), [] { return false; });
    if (stop.stop_requested())
      return task_failure(api::task_error::cancelled, "stopped while it slept", true);
    if (until >= end) return api::RawJson{"null"};
    context.progress(100.0 * std::chrono::duration<double>(until - begin).count() / *seconds, "");
  }
}

}  // namespace

std::map<std::string, TaskFunction, std::less<>> builtin_functions() {
  return {{"echo", echo}, {"sleep", sleep}};
}

}  // namespace longhaul::worker
