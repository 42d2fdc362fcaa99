// One client's stream of server-sent events (the WHATWG's HTML standard, section 9.2): its head, its heartbeat, its
// pace, its end. What is told on it is its subclasses'.
//
// Not thread-safe: the loop's own. Ownership: shared with its connection, from its answer until on_gone(). The
// streams and the clock must outlive it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "server/http/http_server.h"
#include "server/streams/open_streams.h"
#include "server/streams/paced_stream.h"

namespace longhaul::server {

// One event: `id` may be empty, `data` must be without line breaks, as our JSON is.
[[nodiscard]] std::string sse_event(std::string_view id, std::string_view name, std::string_view data);
// The head of such an answer.
[[nodiscard]] Response sse_head();
// True when the client asks for a stream: its Accept header names text/event-stream.
[[nodiscard]] bool wants_event_stream(const Request& request);

class SseStream : public StreamHandler, public OpenStream {
 public:
  SseStream(OpenStreams& streams, StreamKind kind, const base::Clock& clock);

  void on_open(ByteStream stream) final;
  void on_writable() override { pump(); }
  void on_end() final;
  void on_gone() final;
  void on_server_stop() final;

 protected:
  // Goes out with the next pump(), in order, also what is pushed before the client's stream is open. Ends the
  // stream when the client is too slow.
  void push(SharedText text);
  void push(std::string text) { push(std::make_shared<const std::string>(std::move(text))); }
  void pump() {
    if (is_open_ && !is_over_) pace_.pump();
  }
  // Sends what waits and an event "closing" with that reason, then closes: the client may come back. Without a
  // reason it is just closed: all has been told.
  void finish(std::string_view reason);
  // Ends the stream, which its client reads too slowly.
  void cut();
  [[nodiscard]] bool is_over() const { return is_over_; }
  [[nodiscard]] HttpServer& server() { return streams_.server(); }
  [[nodiscard]] bool has_room() const { return pace_.has_room(); }

  // Nothing will be told any more. Called once, unless the stream was never opened.
  virtual void on_over() = 0;
  // Sent every 15 s: a comment, or more.
  [[nodiscard]] virtual std::string heartbeat() { return ":\n\n"; }

 private:
  void set_heartbeat();
  void say_goodbye();

  OpenStreams& streams_;
  const StreamKind kind_;
  const base::Clock& clock_;
  PacedStream pace_;
  HttpServer::TimerId timer_ = 0;
  std::string goodbye_;
  bool is_open_ = false;
  bool is_over_ = false;
};

}  // namespace longhaul::server
