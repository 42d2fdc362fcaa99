// One blocking connection to a server on this machine, for what is asked now and then; the load generator
// does the rest. Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace longhaul::bench {

// Connects from 127.0.0.`source`: one address has no more than 28,000 ports, and a closed connection holds
// its port for a while.
[[nodiscard]] base::Result<base::UniqueFd> connect_to(std::uint16_t port, int source = 1);

// Sends a whole request and returns the whole answer as it came, head and body. Fails after `patience`
// without a byte.
[[nodiscard]] base::Result<std::string> exchange(int fd, const std::string& request,
                                                 std::chrono::seconds patience = std::chrono::seconds(60));

// The same over a connection of its own. Returns the body of an answer of that status; any other is an error.
[[nodiscard]] base::Result<std::string> ask(std::uint16_t port, const std::string& request, int status = 200);

}  // namespace longhaul::bench
