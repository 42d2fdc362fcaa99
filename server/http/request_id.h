// Ids of requests that came without one: 13 characters, unique within a server and, by chance of 2^-64,
// beyond it. Not thread-safe.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "api/limits.h"
#include "server/http/http_server.h"

namespace longhaul::server {

class RequestIds {
 public:
  RequestIds() {
    std::random_device device;
    state_ = static_cast<std::uint64_t>(device()) << 32 | device();
  }

  // The client's own if it is printable and short enough, else a new one.
  void assign(Request& request) {
    const std::string* given = request.find_header("X-Request-Id");
    if (given != nullptr && is_acceptable(*given)) {
      request.request_id = *given;
    } else {
      write_next(request.request_id);
    }
  }

 private:
  static bool is_acceptable(std::string_view id) {
    if (id.empty() || id.size() > api::limits::request_id_chars) return false;
    for (const char c : id) {
      if (c < 0x20 || c > 0x7e) return false;
    }
    return true;
  }

  // Counts in steps that visit every number once, and scrambles them one to one (splitmix64), so that no two
  // are the same.
  void write_next(std::string& out) {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t bits = state_;
    bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9ULL;
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EBULL;
    bits ^= bits >> 31;
    constexpr std::string_view letters = "0123456789abcdefghjkmnpqrstvwxyz";
    out.resize(13);
    for (char& c : out) {
      c = letters[bits & 31];
      bits >>= 5;
    }
  }

  std::uint64_t state_ = 0;
};

}  // namespace longhaul::server
