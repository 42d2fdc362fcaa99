// Where the steady timeline stands. Steady time is boot time plus an offset that the store keeps with the id
// of the boot it was chosen for: at the first start on a boot it is such that steady time and wall time are
// equal; later starts on the same boot use it again, whatever became of the wall clock. So a duration that
// began before a restart ends when it should. Values and pure functions: any thread.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"

namespace longhaul::storage {

struct SteadyOffset {
  std::string boot_id;  // empty: the machine does not tell, and no boot is taken for an earlier one
  base::Milliseconds offset{0};
  friend bool operator==(const SteadyOffset&, const SteadyOffset&) = default;
};

// The offset for this boot: the kept one if it is of this boot, else a new one.
[[nodiscard]] SteadyOffset choose_steady_offset(const std::optional<SteadyOffset>& kept,
                                                const std::string& boot_id, const base::Clock& clock);

[[nodiscard]] base::SteadyTime steady_now(const SteadyOffset& offset, const base::Clock& clock);

}  // namespace longhaul::storage
