// The least that sending webhooks can cost: libcurl's multi interface as its documentation shows it, with the same
// request again and again on each of its handles, nothing signed, nothing looked up, nothing written down.
// Thread-safety: none needed; everything is the caller's thread's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace longhaul::bench {

struct BarePosts {
  std::string url;
  std::vector<std::string> headers;  // "name: value", beside those of libcurl
  std::string body;
  std::size_t in_flight = 8;
  std::uint64_t count = 1'000;
};

// Fails when one of them is not answered with a 2xx.
[[nodiscard]] base::Result<void> send_bare_posts(const BarePosts& posts);

}  // namespace longhaul::bench
