// Feeds the framer whatever the fuzzer makes up, whole and in pieces, and insists that both come to the same.
//
//   clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -I. tests/fuzz/request_framer_fuzz.cc
//   server/http/request_framer.cc
//       server/http/request_framer_body.cc server/http/request_target.cc server/http/exchange.cc
//       server/http/inbox.cc and the libraries longhaul_api and longhaul_base
//
// The first byte of the input chooses the size of the pieces.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/http/request_framer.h"

using longhaul::server::FramerLimits;
using longhaul::server::RequestFramer;
using Progress = RequestFramer::Progress;

namespace {

class Transcript {
 public:
  void feed(std::string_view bytes) {
    while (!bytes.empty() && framer_.progress() != Progress::refused) {
      bytes.remove_prefix(framer_.feed(bytes));
      if (framer_.progress() != Progress::complete) continue;
      write_request();
      framer_.reset();
    }
  }

  [[nodiscard]] std::string finish() {
    if (framer_.progress() == Progress::refused) text_ += "refused: " + framer_.problem().detail;
    return text_ + std::to_string(static_cast<int>(framer_.progress()));
  }

 private:
  void write_request() {
    const longhaul::server::Request& request = framer_.request();
    text_ += request.method + " " + request.path + " " + request.target + "\n";
    for (const auto& [name, value] : request.headers) text_ += name + ":" + value + "\n";
    for (const auto& [name, value] : request.query) text_ += "?" + name + "=" + value + "\n";
    text_ += request.body + "\n" + std::string(framer_.query_fault()) + "\n";
    // What a head may never let through.
    for (const char c : request.path) {
      if (static_cast<unsigned char>(c) < 0x20) std::abort();
    }
    if (request.headers.size() > FramerLimits{}.header_count ||
        request.body.size() > FramerLimits{}.body_bytes)
      std::abort();
  }

  RequestFramer framer_{FramerLimits{}};
  std::string text_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] % 32 + 1u;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  Transcript whole;
  whole.feed(bytes);
  Transcript pieces;
  for (std::string_view rest = bytes; !rest.empty();) {
    pieces.feed(rest.substr(0, piece));
    rest.remove_prefix(std::min(piece, rest.size()));
  }
  if (whole.finish() != pieces.finish()) std::abort();
  return 0;
}
