// The streams that are open, of every kind, so that they can be counted and ended together.
//
// Thread-safety: the loop's thread; close() from any other, and the figures from any. Ownership: a member leaves
// before it dies; the server outlives the use.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <unordered_set>

#include "server/http/http_server.h"
#include "server/streams/paced_stream.h"

namespace longhaul::server {

enum class StreamKind : std::uint8_t { events, logs, socket };
inline constexpr std::size_t stream_kind_count = 3;

class OpenStream {
 public:
  OpenStream() = default;
  OpenStream(const OpenStream&) = delete;
  OpenStream& operator=(const OpenStream&) = delete;
  virtual ~OpenStream() = default;
  // The server stops: tell the client and finish.
  virtual void on_server_stop() = 0;
};

class OpenStreams {
 public:
  explicit OpenStreams(HttpServer& server) : server_(server) {}

  // False: the server stops, and on_server_stop() is what to do at once.
  [[nodiscard]] bool enter(OpenStream* stream, StreamKind kind);
  void leave(OpenStream* stream, StreamKind kind);
  void note_cut() { cut_.fetch_add(1, std::memory_order_relaxed); }

  [[nodiscard]] HttpServer& server() { return server_; }
  [[nodiscard]] PacedBudget& budget() { return budget_; }

  // Ends all streams, and each one to come as it opens. Returns when that is done. The loop must be running.
  void close();

  [[nodiscard]] std::int64_t open(StreamKind kind) const {
    return open_[static_cast<std::size_t>(kind)].load(std::memory_order_relaxed);
  }
  // Those that were ended because their clients read too slowly, so far.
  [[nodiscard]] std::int64_t cut() const { return cut_.load(std::memory_order_relaxed); }

 private:
  HttpServer& server_;
  PacedBudget budget_;
  std::unordered_set<OpenStream*> streams_;
  bool closed_ = false;
  std::array<std::atomic<std::int64_t>, stream_kind_count> open_{};
  std::atomic<std::int64_t> cut_{0};
};

}  // namespace longhaul::server
