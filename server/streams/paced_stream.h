// What one client is sent, at the pace at which it reads: texts that it shares with others wait in order until its
// socket has taken those before. Bounded by bytes, for itself and together with all others; who reads too slowly
// for that is told of once and gets no more.
//
// Not thread-safe: the loop's own. Ownership: the budget must outlive it.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "server/http/stream.h"

namespace longhaul::server {

using SharedText = std::shared_ptr<const std::string>;

// What waits for slow readers, all of them together.
struct PacedBudget {
  std::size_t waiting_bytes = 0;
};

class PacedStream {
 public:
  explicit PacedStream(PacedBudget& budget) : budget_(budget) {}
  PacedStream(const PacedStream&) = delete;
  PacedStream& operator=(const PacedStream&) = delete;
  ~PacedStream() { drop_waiting(); }

  void open(ByteStream stream) { stream_ = stream; }
  // Goes out with the next pump(). False: the client is too slow, what waited for it has been dropped, and only
  // finish() is of use.
  [[nodiscard]] bool push(SharedText text);
  // Sends what the socket takes: call it behind a number of pushes, and when the stream is writable.
  void pump();
  // Sends what waits and `last`, then closes; an empty `last` is nothing. What waits is bounded, and so is the
  // time in which the client must take it.
  void finish(std::string_view last);

  [[nodiscard]] std::size_t waiting_bytes() const { return waiting_bytes_; }
  // Whether the client keeps up. What it cannot take yet is better held as something smaller than text.
  [[nodiscard]] bool has_room() const { return waiting_bytes_ < piece_bytes && stream_.unsent() == 0; }

 private:
  static constexpr std::size_t piece_bytes = 64 * 1024;  // given to the socket at once
  void drop_waiting();
  [[nodiscard]] std::string take_waiting(std::size_t enough);

  PacedBudget& budget_;
  ByteStream stream_;
  std::deque<SharedText> waiting_;
  std::size_t waiting_bytes_ = 0;
};

}  // namespace longhaul::server
