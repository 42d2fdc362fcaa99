#include "storage/steady_offset.h"

namespace longhaul::storage {
namespace {

base::Milliseconds since_boot(const base::Clock& clock) {
  return std::chrono::floor<base::Milliseconds>(clock.boot().time_since_epoch());
}

}  // namespace

SteadyOffset choose_steady_offset(const std::optional<SteadyOffset>& kept, const std::string& boot_id,
                                  const base::Clock& clock) {
  if (kept && !boot_id.empty() && kept->boot_id == boot_id) return *kept;
  return {boot_id, clock.wall().time_since_epoch() - since_boot(clock)};
}

base::SteadyTime steady_now(const SteadyOffset& offset, const base::Clock& clock) {
  return base::SteadyTime(since_boot(clock) + offset.offset);
}

}  // namespace longhaul::storage
