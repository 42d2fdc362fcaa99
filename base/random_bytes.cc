#include "base/random_bytes.h"

#include <sys/random.h>

#include <algorithm>
#include <cstdlib>

#include "base/log.h"

namespace longhaul::base {

void fill_random(std::span<std::byte> bytes) {
  // Up to 256 bytes are never given in part and never interrupted (getrandom(2)).
  constexpr std::size_t piece = 256;
  while (!bytes.empty()) {
    const std::span<std::byte> next = bytes.first(std::min(piece, bytes.size()));
    if (getrandom(next.data(), next.size(), 0) != static_cast<ssize_t>(next.size())) {
      log_error("getrandom failed: ids and secrets would be worth nothing");
      std::abort();
    }
    bytes = bytes.subspan(next.size());
  }
}

}  // namespace longhaul::base
