// One client's WebSocket behind its handshake: messages in and out, pings, its pace, its end. What the messages say
// is its subclasses'.
//
// It answers pings, and asks for life itself: a ping at each interval, and when two in a row stayed without an
// answer it closes. While something waits for a slow client none is sent; the transport ends one that takes nothing.
// Whoever is too slow for the bounds of PacedStream is closed with 1013.
//
// What has come of a message counts with what waits for all slow readers together, and one that grows while that is
// too much ends its connection with 1013. A message must be whole a minute after its first byte.
//
// Not thread-safe: the loop's own, but for its making. Ownership: shared with the transport; it lives at least
// until on_gone().
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "api/limits.h"
#include "base/clock.h"
#include "server/streams/open_streams.h"
#include "server/streams/paced_stream.h"
#include "server/streams/websocket_frames.h"

namespace longhaul::server {

struct WebsocketOptions {
  base::Nanoseconds ping_interval = api::limits::socket_ping_interval;
};

class WebsocketConnection : public StreamHandler,
                            public OpenStream,
                            public std::enable_shared_from_this<WebsocketConnection>,
                            private WebsocketListener {
 public:
  WebsocketConnection(OpenStreams& streams, const base::Clock& clock, WebsocketOptions options = {})
      : streams_(streams), clock_(clock), options_(options), pace_(streams.budget()), reader_(*this) {}
  ~WebsocketConnection() override { streams_.budget().waiting_bytes -= charged_bytes_; }

  void on_open(ByteStream stream) final;
  void on_bytes(std::string_view bytes) final;
  // Sends what the client can take; also called behind what came from it.
  void on_writable() override { pump(); }
  // Its side ended without a close frame: nothing can come from it any more, not even an answer to a ping.
  void on_end() final;
  void on_gone() final;
  void on_server_stop() final;

 protected:
  // Called in order; the answer may be sent at once or later.
  virtual void on_message(std::string_view text) = 0;
  // Nothing can be told any more. Called once.
  virtual void end() = 0;

  // A whole frame, which others may be sent too. It goes out with the next pump(). Ends the connection when the
  // client is too slow.
  void push(SharedText frame);
  void push_text(std::string_view text);
  void pump() { pace_.pump(); }
  // Sends what waits and a close frame, then closes.
  void close(CloseCode code, std::string_view reason);
  // Ends the connection, whose client reads too slowly.
  void cut();
  [[nodiscard]] bool is_over() const { return is_over_; }
  [[nodiscard]] bool has_room() const { return pace_.has_room(); }

 private:
  void on_text(std::string_view message) final;
  void on_ping(std::string_view payload) final;
  void on_pong(std::string_view payload) final;
  void on_close(std::uint16_t code, std::string_view reason) final;
  void push_frame(std::string frame);
  // What the reader holds by now. Whether there is room for it.
  [[nodiscard]] bool charge();
  void watch_message();
  void forget_message();
  void set_ping_timer();
  void ping();
  void let_go();

  OpenStreams& streams_;
  const base::Clock& clock_;
  const WebsocketOptions options_;
  PacedStream pace_;
  WebsocketReader reader_;
  std::size_t charged_bytes_ = 0;
  HttpServer::TimerId message_timer_ = 0;  // while a message is on its way
  HttpServer::TimerId timer_ = 0;
  int unanswered_pings_ = 0;
  bool is_over_ = false;
};

}  // namespace longhaul::server
