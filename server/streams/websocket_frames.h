// Frames of a WebSocket (RFC 6455, section 5): what a client sends, put together to messages and judged; what it is
// sent, as bytes. libwslay takes frames apart and puts them together; what they may be is judged here. No I/O.
//
// Not thread-safe. Between two messages a reader holds no buffer: libwslay's are there only while a frame is on
// its way, so that a client who only listens costs next to nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/limits.h"

struct wslay_frame_context;
struct wslay_frame_iocb;

namespace longhaul::server {

// RFC 6455, section 7.4.1, and IANA's registry of close codes.
enum class CloseCode : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  unsupported_data = 1003,
  no_code = 1005,  // never sent: a close frame without a code
  invalid_text = 1007,
  policy_violation = 1008,
  too_big = 1009,
  internal_error = 1011,
  try_again_later = 1013,
};

struct WebsocketFault {
  CloseCode code = CloseCode::protocol_error;
  std::string reason;
};

// Who hears what a client says. May call stop() of the reader that calls it.
class WebsocketListener {
 public:
  virtual ~WebsocketListener() = default;
  virtual void on_text(std::string_view message) = 0;  // UTF-8
  virtual void on_ping(std::string_view payload) = 0;
  virtual void on_pong(std::string_view payload) = 0;
  // The last that comes. `code` may be any that a client may send, or no_code.
  virtual void on_close(std::uint16_t code, std::string_view reason) = 0;
};

class WebsocketReader {
 public:
  explicit WebsocketReader(WebsocketListener& listener,
                           std::size_t max_message_bytes = api::limits::socket_message_bytes);
  WebsocketReader(const WebsocketReader&) = delete;
  WebsocketReader& operator=(const WebsocketReader&) = delete;
  ~WebsocketReader();

  // Reads on. Why the connection has to be closed, if it has: after that, and after a close frame or stop(),
  // further bytes are dropped.
  [[nodiscard]] std::optional<WebsocketFault> feed(std::string_view bytes);
  void stop();

  // What it holds on to: 0 between two messages, and when it has stopped.
  [[nodiscard]] std::size_t held_bytes() const;
  // Whether the first frame of a message has begun, and its last has not ended.
  [[nodiscard]] bool is_in_message() const { return in_message_; }
  // Whether the end of something is still to come, of a message or of any frame. Not to be asked while it reads.
  [[nodiscard]] bool is_waiting() const { return !stopped_ && (in_message_ || context_ != nullptr); }

 private:
  struct Free {
    void operator()(wslay_frame_context* context) const;
  };

  [[nodiscard]] std::optional<WebsocketFault> read_frames();
  [[nodiscard]] std::optional<WebsocketFault> judge_start(const wslay_frame_iocb& frame);
  [[nodiscard]] std::optional<WebsocketFault> judge_data_start(const wslay_frame_iocb& frame);
  [[nodiscard]] std::optional<WebsocketFault> end_message();
  [[nodiscard]] std::optional<WebsocketFault> end_control(int opcode);
  [[nodiscard]] std::optional<WebsocketFault> end_close();
  void drop_buffers();

  WebsocketListener& listener_;
  const std::size_t max_message_bytes_;
  std::unique_ptr<wslay_frame_context, Free> context_;  // null between frames
  std::string_view input_;                              // what has come and was not taken yet
  std::uint64_t taken_ = 0;                             // bytes that the context has got
  std::uint64_t read_ = 0;                              // and those of them that were in whole frames
  std::uint64_t frame_received_ = 0;                    // payload of the present frame so far
  bool in_frame_ = false;
  bool in_message_ = false;  // between the first and the last frame of one
  bool stopped_ = false;
  bool is_reading_ = false;
  std::string message_;
  std::string control_;
};

// One frame with all of a message in it; the text must be UTF-8.
[[nodiscard]] std::string websocket_text_frame(std::string_view text);
// `payload` of at most 125 bytes.
[[nodiscard]] std::string websocket_ping_frame(std::string_view payload);
[[nodiscard]] std::string websocket_pong_frame(std::string_view payload);
// A reason of more than 123 bytes is cut between two characters. Without a code for no_code.
[[nodiscard]] std::string websocket_close_frame(CloseCode code, std::string_view reason);

}  // namespace longhaul::server
