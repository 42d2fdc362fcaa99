#include "worker/process/oom_watch.h"

#include <fstream>

namespace longhaul::worker::process {
namespace {

constexpr std::chrono::seconds refresh_pause{10};

}  // namespace

void OomWatch::refresh(std::chrono::steady_clock::time_point now) {
  if (refreshed_at_ && now - *refreshed_at_ < refresh_pause) return;
  const auto count = read();
  // After a quiet time the last count is of long ago, and says nothing about a death of just now.
  const bool is_recent = refreshed_at_ && now - *refreshed_at_ <= 2 * refresh_pause;
  before_ = is_recent ? latest_ : count;
  latest_ = count;
  refreshed_at_ = now;
}

bool OomWatch::has_killed() const {
  const auto count = read();
  return count && before_ && *count > *before_;
}

std::optional<std::int64_t> OomWatch::read() const {
  std::ifstream file(counter_file_);
  std::string name;
  for (std::int64_t count = 0; file >> name >> count;)
    if (name == "oom_kill") return count;
  return {};
}

}  // namespace longhaul::worker::process
