#include "server/streams/websocket_frames.h"

#include <wslay/wslay.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "api/utf8.h"

namespace longhaul::server {
namespace {

constexpr std::size_t max_control_bytes = 125;
constexpr std::size_t code_bytes = 2;

// Hands over what has come; libwslay asks again for what did not fit.
ssize_t take_input(std::uint8_t* buffer, std::size_t size, int /*flags*/, void* user_data) {
  auto& input = *static_cast<std::string_view*>(user_data);
  const std::size_t count = std::min(size, input.size());
  std::copy_n(input.begin(), count, buffer);
  input.remove_prefix(count);
  return static_cast<ssize_t>(count);
}

ssize_t append_output(const std::uint8_t* data, std::size_t size, int /*flags*/, void* user_data) {
  static_cast<std::string*>(user_data)->append(reinterpret_cast<const char*>(data), size);
  return static_cast<ssize_t>(size);
}

std::string_view view_of(const wslay_frame_iocb& frame) {
  return {reinterpret_cast<const char*>(frame.data), frame.data_length};
}

// Bytes in front of the payload: two, the long forms of the length, and the mask.
std::uint64_t head_bytes(const wslay_frame_iocb& frame) {
  constexpr std::uint64_t shortest = 2;
  constexpr std::uint64_t mask = 4;
  if (frame.payload_length < 126) return shortest + mask;
  return (frame.payload_length <= 0xFFFF ? shortest + 2 : shortest + 8) + mask;
}

bool is_control(int opcode) { return (opcode & 0x8) != 0; }

// RFC 6455, section 7.4.2, and what IANA has registered below 3000 since.
bool may_be_sent(std::uint16_t code) {
  if (code >= 3000) return code <= 4999;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

std::optional<WebsocketFault> broken(std::string reason) {
  return WebsocketFault{CloseCode::protocol_error, std::move(reason)};
}

std::string frame_of(std::uint8_t opcode, std::string_view payload) {
  std::string bytes;
  bytes.reserve(payload.size() + 10);
  wslay_frame_callbacks callbacks{};
  callbacks.send_callback = append_output;
  wslay_frame_context* context = nullptr;
  if (wslay_frame_context_init(&context, &callbacks, &bytes) != 0) return {};
  wslay_frame_iocb frame{};
  frame.fin = 1;
  frame.opcode = opcode;
  frame.payload_length = payload.size();
  frame.data = reinterpret_cast<const std::uint8_t*>(payload.data());
  frame.data_length = payload.size();
  [[maybe_unused]] const ssize_t sent = wslay_frame_send(context, &frame);
  assert(sent == static_cast<ssize_t>(payload.size()));
  wslay_frame_context_free(context);
  return bytes;
}

}  // namespace

void WebsocketReader::Free::operator()(wslay_frame_context* context) const {
  wslay_frame_context_free(context);
}

WebsocketReader::WebsocketReader(WebsocketListener& listener, std::size_t max_message_bytes)
    : listener_(listener), max_message_bytes_(max_message_bytes) {}

WebsocketReader::~WebsocketReader() = default;

std::optional<WebsocketFault> WebsocketReader::feed(std::string_view bytes) {
  if (stopped_ || bytes.empty()) return std::nullopt;
  if (context_ == nullptr) {
    wslay_frame_callbacks callbacks{};
    callbacks.recv_callback = take_input;
    wslay_frame_context* context = nullptr;
    if (wslay_frame_context_init(&context, &callbacks, &input_) != 0)
      return WebsocketFault{CloseCode::internal_error, "out of memory"};
    context_.reset(context);
  }
  input_ = bytes;
  is_reading_ = true;
  auto fault = read_frames();
  is_reading_ = false;
  if (fault) stopped_ = true;
  taken_ += bytes.size() - input_.size();
  input_ = {};
  if (stopped_ || taken_ == read_) drop_buffers();
  return fault;
}

void WebsocketReader::stop() {
  stopped_ = true;
  if (!is_reading_) drop_buffers();
}

std::optional<WebsocketFault> WebsocketReader::read_frames() {
  while (!stopped_) {
    wslay_frame_iocb frame{};
    const ssize_t received = wslay_frame_recv(context_.get(), &frame);
    if (received == WSLAY_ERR_WANT_READ) return std::nullopt;
    if (received < 0)
      return broken("a control frame in fragments or of more than 125 bytes, or a wrong length");
    if (!in_frame_) {
      if (auto fault = judge_start(frame)) return fault;
      in_frame_ = true;
    }
    (is_control(frame.opcode) ? control_ : message_).append(view_of(frame));
    frame_received_ += frame.data_length;
    if (frame_received_ < frame.payload_length) continue;
    in_frame_ = false;
    frame_received_ = 0;
    read_ += head_bytes(frame) + frame.payload_length;
    std::optional<WebsocketFault> fault;
    if (is_control(frame.opcode)) {
      fault = end_control(frame.opcode);
    } else if (frame.fin != 0) {
      fault = end_message();
    }
    if (fault) return fault;
  }
  return std::nullopt;
}

std::optional<WebsocketFault> WebsocketReader::judge_start(const wslay_frame_iocb& frame) {
  if (frame.mask == 0) return broken("a client's frames must be masked");
  if (frame.rsv != 0) return broken("a reserved bit is set, and no extension was agreed upon");
  switch (frame.opcode) {
    case WSLAY_CONTINUATION_FRAME:
    case WSLAY_TEXT_FRAME:
    case WSLAY_BINARY_FRAME: return judge_data_start(frame);
    case WSLAY_CONNECTION_CLOSE:
    case WSLAY_PING:
    case WSLAY_PONG: return std::nullopt;
    default: return broken("a frame of an unknown kind");
  }
}

std::optional<WebsocketFault> WebsocketReader::judge_data_start(const wslay_frame_iocb& frame) {
  const bool goes_on = frame.opcode == WSLAY_CONTINUATION_FRAME;
  if (goes_on && !in_message_) return broken("a continuation of no message");
  if (!goes_on && in_message_) return broken("a message that begins inside another");
  if (frame.opcode == WSLAY_BINARY_FRAME)
    return WebsocketFault{CloseCode::unsupported_data, "only text messages are understood"};
  if (frame.payload_length > max_message_bytes_ - message_.size()) {
    return WebsocketFault{CloseCode::too_big,
                          "a message may have at most " + std::to_string(max_message_bytes_) + " bytes"};
  }
  in_message_ = true;
  return std::nullopt;
}

std::optional<WebsocketFault> WebsocketReader::end_message() {
  const std::string message = std::exchange(message_, {});
  in_message_ = false;
  if (!api::is_utf8(message)) return WebsocketFault{CloseCode::invalid_text, "a text that is not UTF-8"};
  listener_.on_text(message);
  return std::nullopt;
}

std::optional<WebsocketFault> WebsocketReader::end_control(int opcode) {
  if (opcode == WSLAY_CONNECTION_CLOSE) return end_close();
  const std::string payload = std::exchange(control_, {});
  if (opcode == WSLAY_PING) {
    listener_.on_ping(payload);
  } else {
    listener_.on_pong(payload);
  }
  return std::nullopt;
}

std::optional<WebsocketFault> WebsocketReader::end_close() {
  const std::string payload = std::exchange(control_, {});
  stopped_ = true;
  if (payload.empty()) {
    listener_.on_close(static_cast<std::uint16_t>(CloseCode::no_code), {});
    return std::nullopt;
  }
  if (payload.size() < code_bytes) return broken("half a close code");
  const auto high = static_cast<std::uint8_t>(payload[0]);
  const auto low = static_cast<std::uint8_t>(payload[1]);
  const auto code = static_cast<std::uint16_t>(high << 8 | low);
  const std::string_view reason = std::string_view(payload).substr(code_bytes);
  if (!may_be_sent(code)) return broken("a close code that no one may send");
  if (!api::is_utf8(reason)) return WebsocketFault{CloseCode::invalid_text, "a reason that is not UTF-8"};
  listener_.on_close(code, reason);
  return std::nullopt;
}

void WebsocketReader::drop_buffers() {
  context_.reset();
  taken_ = 0;
  read_ = 0;
  if (!stopped_) return;
  message_ = {};
  control_ = {};
}

std::size_t WebsocketReader::held_bytes() const {
  constexpr std::size_t context_bytes = 4096;  // libwslay's buffer
  const std::size_t texts = message_.size() + control_.size();
  return texts + (context_ == nullptr ? 0 : context_bytes);
}

std::string websocket_text_frame(std::string_view text) { return frame_of(WSLAY_TEXT_FRAME, text); }

std::string websocket_ping_frame(std::string_view payload) { return frame_of(WSLAY_PING, payload); }

std::string websocket_pong_frame(std::string_view payload) { return frame_of(WSLAY_PONG, payload); }

std::string websocket_close_frame(CloseCode code, std::string_view reason) {
  if (code == CloseCode::no_code) return frame_of(WSLAY_CONNECTION_CLOSE, {});
  const auto number = static_cast<std::uint16_t>(code);
  std::string payload{static_cast<char>(number >> 8), static_cast<char>(number & 0xFF)};
  payload += api::first_bytes(reason, max_control_bytes - code_bytes);
  return frame_of(WSLAY_CONNECTION_CLOSE, payload);
}

}  // namespace longhaul::server
