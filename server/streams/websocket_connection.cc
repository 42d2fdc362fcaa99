#include "server/streams/websocket_connection.h"

#include <utility>

namespace longhaul::server {

void WebsocketConnection::on_open(ByteStream stream) {
  pace_.open(stream);
  const bool server_goes_on = streams_.enter(this, StreamKind::socket);
  if (!server_goes_on) return on_server_stop();
  set_ping_timer();
}

void WebsocketConnection::on_bytes(std::string_view bytes) {
  if (is_over_) return;
  const auto kept = shared_from_this();  // what is read may end us
  const auto fault = reader_.feed(bytes);
  const bool has_room = charge();
  if (fault) return close(fault->code, fault->reason);
  if (is_over_) return;
  if (!has_room) return close(CloseCode::try_again_later, "too many messages are on their way to the server");
  watch_message();
  on_writable();
}

bool WebsocketConnection::charge() {
  const std::size_t held = reader_.held_bytes();
  std::size_t& waiting = streams_.budget().waiting_bytes;
  const bool has_grown = held > charged_bytes_;
  waiting = waiting - charged_bytes_ + held;
  charged_bytes_ = held;
  return !has_grown || waiting <= api::limits::streams_waiting_bytes;
}

// One timer from the first byte of a message, or of a frame outside of any, to its end.
void WebsocketConnection::watch_message() {
  if (!reader_.is_waiting()) return forget_message();
  if (message_timer_ != 0) return;
  message_timer_ = streams_.server().call_at(clock_.boot() + api::limits::body_time, [this] {
    message_timer_ = 0;
    close(CloseCode::policy_violation, "a message took too long");
  });
}

void WebsocketConnection::forget_message() {
  if (message_timer_ == 0) return;
  streams_.server().cancel_timer(message_timer_);
  message_timer_ = 0;
}

void WebsocketConnection::on_text(std::string_view message) {
  forget_message();
  on_message(message);
}

void WebsocketConnection::on_end() { close(CloseCode::protocol_error, "the end came without a close frame"); }

void WebsocketConnection::on_gone() {
  if (!is_over_) let_go();
}

void WebsocketConnection::on_server_stop() { close(CloseCode::going_away, "the server stops"); }

void WebsocketConnection::push(SharedText frame) {
  if (!is_over_ && !pace_.push(std::move(frame))) cut();
}

void WebsocketConnection::cut() {
  if (is_over_) return;
  streams_.note_cut();
  close(CloseCode::try_again_later, "too slow: too much waits to be read");
}

void WebsocketConnection::push_frame(std::string frame) {
  push(std::make_shared<const std::string>(std::move(frame)));
}

void WebsocketConnection::push_text(std::string_view text) { push_frame(websocket_text_frame(text)); }

// Inside a message it gives that no more time.
void WebsocketConnection::on_ping(std::string_view payload) {
  if (!reader_.is_in_message()) forget_message();
  push_frame(websocket_pong_frame(payload));
}

void WebsocketConnection::on_pong(std::string_view /*payload*/) {
  if (!reader_.is_in_message()) forget_message();
  unanswered_pings_ = 0;
}

// RFC 6455, section 5.5.1: the code comes back.
void WebsocketConnection::on_close(std::uint16_t code, std::string_view /*reason*/) {
  close(static_cast<CloseCode>(code), {});
}

void WebsocketConnection::set_ping_timer() {
  timer_ = streams_.server().call_at(clock_.boot() + options_.ping_interval, [this] {
    timer_ = 0;
    ping();
  });
}

void WebsocketConnection::ping() {
  if (pace_.has_room()) {
    if (unanswered_pings_ == api::limits::socket_missed_pings)
      return close(CloseCode::policy_violation, "two pings were not answered");
    ++unanswered_pings_;
    push_frame(websocket_ping_frame({}));
    pace_.pump();
  }
  if (!is_over_) set_ping_timer();
}

void WebsocketConnection::close(CloseCode code, std::string_view reason) {
  if (is_over_) return;
  let_go();
  pace_.finish(websocket_close_frame(code, reason));
}

void WebsocketConnection::let_go() {
  is_over_ = true;
  reader_.stop();
  (void)charge();
  forget_message();
  streams_.leave(this, StreamKind::socket);
  streams_.server().cancel_timer(timer_);
  end();
}

}  // namespace longhaul::server
