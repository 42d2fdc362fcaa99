// Random bytes that nobody can guess, from the kernel. Thread-safety: any thread. Errors: none; without
// randomness the process ends, for its ids and secrets would be worth nothing.
#pragma once

#include <cstddef>
#include <span>

namespace longhaul::base {

void fill_random(std::span<std::byte> bytes);

}  // namespace longhaul::base
