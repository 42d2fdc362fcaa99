// Randomness that a failed test can be repeated with: LONGHAUL_TEST_SEED, else one from the machine, said
// when it matters.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>

namespace longhaul::tests {

inline std::uint64_t test_seed() {
  if (const char* given = std::getenv("LONGHAUL_TEST_SEED")) return std::strtoull(given, nullptr, 10);
  return std::random_device{}();
}

}  // namespace longhaul::tests
