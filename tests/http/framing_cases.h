// Requests that must be refused, with their status, and requests that must be taken. The framer's tests use
// them alone, the transport's over sockets.
#pragma once

#include <string>
#include <vector>

namespace longhaul::tests {

struct RefusedRequest {
  std::string what;
  int status;
  std::string bytes;
};
struct AcceptedRequest {
  std::string what;
  std::string bytes;
  std::size_t requests = 1;
};

[[nodiscard]] std::vector<RefusedRequest> refused_requests();
[[nodiscard]] std::vector<AcceptedRequest> accepted_requests();
[[nodiscard]] std::vector<std::string> all_requests();

}  // namespace longhaul::tests
