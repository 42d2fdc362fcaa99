// The log of a task as server-sent events: each line with its number as id, then, when the task is over and all lines
// are told, `end`. It reads at the client's pace: the next piece when the one before is sent, so that a slow reader
// costs no more than one piece, and never misses a line.
//
// Not thread-safe: the loop's own. Ownership: shared with its connection; hub, streams and clock must outlive it.
#pragma once

#include <cstdint>
#include <memory>

#include "server/streams/log_hub.h"
#include "server/streams/sse_stream.h"

namespace longhaul::server {

class LogStream final : public SseStream, public LogFollower, public std::enable_shared_from_this<LogStream> {
 public:
  // Lines behind number `after`.
  LogStream(LogHub& hub, OpenStreams& streams, const base::Clock& clock, const api::TaskId& id,
            std::int64_t after)
      : SseStream(streams, StreamKind::logs, clock), hub_(hub), id_(id), last_(after) {}
  ~LogStream() override { hub_.leave(id_, this); }

  void start();
  void on_writable() override;
  void on_log_news() override;

 protected:
  void on_over() override { hub_.leave(id_, this); }

 private:
  void read_on();
  void take(const LogPiece& piece);

  LogHub& hub_;
  const api::TaskId id_;
  std::int64_t last_;
  bool has_news_ = true;
  bool is_reading_ = false;
};

}  // namespace longhaul::server
