// Frames of WebSockets: put together, judged, written. Each case feeds its bytes whole and in pieces of any size.
#include "server/streams/websocket_frames.h"

#include <cstdint>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/seed.h"

using namespace longhaul;
using namespace longhaul::server;

namespace {

struct Frame {
  int opcode = 1;
  std::string payload;
  bool fin = true;
  bool mask = true;
  int rsv = 0;
};

// As a client writes it, always in the shortest form.
std::string bytes_of(const Frame& frame) {
  const std::string key = "\x12\x34\x56\x78";
  std::string out;
  out += static_cast<char>((frame.fin ? 0x80 : 0) | frame.rsv << 4 | frame.opcode);
  const int mask_bit = frame.mask ? 0x80 : 0;
  const std::size_t size = frame.payload.size();
  const auto append_size = [&](int bytes) {
    for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(size >> (8 * i) & 0xFF);
  };
  if (size < 126) {
    out += static_cast<char>(mask_bit | static_cast<int>(size));
  } else if (size < 65536) {
    out += static_cast<char>(mask_bit | 126);
    append_size(2);
  } else {
    out += static_cast<char>(mask_bit | 127);
    append_size(8);
  }
  if (!frame.mask) return out + frame.payload;
  out += key;
  for (std::size_t i = 0; i < size; ++i) out += static_cast<char>(frame.payload[i] ^ key[i % 4]);
  return out;
}

std::string bytes_of(const std::vector<Frame>& frames) {
  std::string out;
  for (const Frame& frame : frames) out += bytes_of(frame);
  return out;
}

// What was heard, as one text.
class Hearing final : public WebsocketListener {
 public:
  void on_text(std::string_view message) override {
    heard += "text(" + std::string(message) + ")";
    if (stops != nullptr) stops->stop();
  }
  void on_ping(std::string_view payload) override { heard += "ping(" + std::string(payload) + ")"; }
  void on_pong(std::string_view payload) override { heard += "pong(" + std::string(payload) + ")"; }
  void on_close(std::uint16_t code, std::string_view reason) override {
    heard += "close(" + std::to_string(code) + " " + std::string(reason) + ")";
  }
  std::string heard;
  WebsocketReader* stops = nullptr;
};

std::string hear_pieces(std::string_view bytes, const std::vector<std::size_t>& ends) {
  Hearing hearing;
  WebsocketReader reader(hearing);
  std::size_t at = 0;
  for (const std::size_t end : ends) {
    const auto fault = reader.feed(bytes.substr(at, end - at));
    at = end;
    if (!fault) continue;
    hearing.heard += "fault(" + std::to_string(static_cast<int>(fault->code)) + ")";
    CHECK_FALSE(fault->reason.empty());
    CHECK_FALSE(reader.feed("more"));
    CHECK(reader.held_bytes() == 0);
    return hearing.heard;
  }
  return hearing.heard;
}

// The same whichever pieces the bytes come in.
std::string hear(std::string_view bytes) {
  const std::string whole = hear_pieces(bytes, {bytes.size()});
  std::vector<std::size_t> single;
  for (std::size_t i = 1; i <= bytes.size(); ++i) single.push_back(i);
  CHECK(hear_pieces(bytes, single) == whole);
  std::mt19937_64 random(tests::test_seed());
  for (int round = 0; round < 20; ++round) {
    std::vector<std::size_t> ends;
    for (std::size_t at = 0; at < bytes.size();) {
      at = std::min(bytes.size(), at + 1 + random() % 9000);
      ends.push_back(at);
    }
    CHECK(hear_pieces(bytes, ends) == whole);
  }
  return whole;
}

std::string hear(const std::vector<Frame>& frames) { return hear(std::string_view(bytes_of(frames))); }

Frame close_frame(int code, const std::string& reason = {}) {
  return {8, std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)} + reason};
}

}  // namespace

TEST_CASE("frames: messages, one behind the other") {
  CHECK(hear({{1, "hello"}, {1, ""}, {1, "you"}}) == "text(hello)text()text(you)");
  const std::string long_text(65536, 'x');
  CHECK(hear({{1, long_text}}) == "text(" + long_text + ")");
  CHECK(hear({{1, std::string(200, 'y')}}) == "text(" + std::string(200, 'y') + ")");
}

TEST_CASE("frames: fragments, and what may stand between them") {
  CHECK(hear({{1, "he", false}, {9, "p"}, {0, "", false}, {10, "q"}, {0, "l", false}, {0, "lo"}, {1, "!"}}) ==
        "ping(p)pong(q)text(hello)text(!)");
  CHECK(hear({{1, "\xE2\x82", false}, {0, "\xAC"}}) == "text(\xE2\x82\xAC)");
  CHECK(hear({{1, "a", false}, {8, ""}, {0, "b"}}) == "close(1005 )");
}

TEST_CASE("frames: the end") {
  CHECK(hear({close_frame(1000, "bye")}) == "close(1000 bye)");
  CHECK(hear({{8, ""}}) == "close(1005 )");
  CHECK(hear({close_frame(4999), {1, "behind"}}) == "close(4999 )");
  CHECK(hear({close_frame(1012, std::string(123, 'r'))}) == "close(1012 " + std::string(123, 'r') + ")");
  // Whose three bytes come apart.
  CHECK(hear({close_frame(1000, "\xE2\x82\xAC")}) == "close(1000 \xE2\x82\xAC)");
}

TEST_CASE("frames: what breaks the protocol") {
  CHECK(hear({{1, "x", true, false}}) == "fault(1002)");
  for (const int rsv : {1, 2, 4, 7}) CHECK(hear({{1, "x", true, true, rsv}}) == "fault(1002)");
  for (const int opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) CHECK(hear({{opcode, "x"}}) == "fault(1002)");
  CHECK(hear({{0, "x"}}) == "fault(1002)");
  CHECK(hear({{1, "a", false}, {1, "b"}}) == "fault(1002)");
  CHECK(hear({{1, "a", false}, {2, "b"}}) == "fault(1002)");
  CHECK(hear({{1, "a"}, {0, "b"}}) == "text(a)fault(1002)");
  CHECK(hear({{9, "x", false}}) == "fault(1002)");
  CHECK(hear({{9, std::string(126, 'x')}}) == "fault(1002)");
  CHECK(hear({{8, "x"}}) == "fault(1002)");
  for (const int code : {0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535})
    CHECK(hear({close_frame(code)}) == "fault(1002)");
}

TEST_CASE("frames: lengths must be in their shortest form") {
  CHECK(hear(std::string_view("\x81\xFE\x00\x05\0\0\0\0hello", 13)) == "fault(1002)");
  CHECK(hear(std::string_view("\x81\xFF\0\0\0\0\0\0\xFF\xFF\0\0\0\0h", 15)) == "fault(1002)");
  CHECK(hear(std::string_view("\x81\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0\0\0\0h", 15)) == "fault(1002)");
}

TEST_CASE("frames: what is not understood, not text, or too big") {
  CHECK(hear({{2, "x"}}) == "fault(1003)");
  CHECK(hear({{2, "", false}}) == "fault(1003)");
  CHECK(hear({{1, "\xFF"}}) == "fault(1007)");
  CHECK(hear({{1, "\xE2\x82"}}) == "fault(1007)");
  CHECK(hear({close_frame(1000, "\xC3(")}) == "fault(1007)");
  CHECK(hear({{1, std::string(65537, 'x')}}) == "fault(1009)");
  CHECK(hear({{1, std::string(65536, 'x'), false}, {0, "", false}, {0, "x"}}) == "fault(1009)");
  // A great length is believed: nothing of it is waited for.
  CHECK(hear(std::string_view("\x81\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0\0\0\0h", 15)) == "fault(1009)");
}

TEST_CASE("frames: whoever hears may stop the reading") {
  Hearing hearing;
  WebsocketReader reader(hearing);
  hearing.stops = &reader;
  CHECK_FALSE(reader.feed(bytes_of(std::vector<Frame>{{1, "one"}, {1, "two"}, {2, "wrong"}})));
  CHECK(hearing.heard == "text(one)");
  CHECK_FALSE(reader.feed(bytes_of(Frame{1, "three"})));
  CHECK(hearing.heard == "text(one)");
}

TEST_CASE("frames: between two messages nothing is held, and inside one not more than has come") {
  Hearing hearing;
  WebsocketReader reader(hearing);
  CHECK(reader.held_bytes() == 0);
  for (int round = 0; round < 3; ++round) {
    const std::string bytes = bytes_of(Frame{1, std::string(300, 'x')});
    CHECK_FALSE(reader.feed(bytes.substr(0, 100)));
    CHECK(reader.held_bytes() > 0);
    CHECK(reader.held_bytes() < 8192);
    CHECK_FALSE(reader.feed(bytes.substr(100)));
    CHECK(reader.held_bytes() == 0);
  }
  // A message in ever so many empty fragments costs no more.
  CHECK_FALSE(reader.feed(bytes_of(Frame{1, "a", false})));
  for (int i = 0; i < 10'000; ++i) CHECK_FALSE(reader.feed(bytes_of(Frame{0, "", false})));
  CHECK(reader.held_bytes() == 1);
  CHECK_FALSE(reader.feed(bytes_of(Frame{0, "b"})));
  CHECK(hearing.heard.ends_with("text(ab)"));
}

TEST_CASE("frames: any bytes at all are judged and never harm") {
  std::mt19937_64 random(tests::test_seed());
  for (int round = 0; round < 20'000; ++round) {
    Hearing hearing;
    WebsocketReader reader(hearing, 1000);
    for (int piece = 0; piece < 4; ++piece) {
      std::string bytes(random() % 40, '\0');
      for (char& byte : bytes) byte = static_cast<char>(random());
      // Often with a head that is nearly right, so that it goes deeper.
      if (bytes.size() > 2 && random() % 2 == 0) {
        bytes[0] = static_cast<char>(0x80 * (random() % 2) + random() % 11);
        bytes[1] = static_cast<char>(0x80 + random() % 30);
      }
      if (reader.feed(bytes)) break;
      CHECK(reader.held_bytes() < 8192);
    }
  }
}

TEST_CASE("frames: what the server writes") {
  CHECK(websocket_text_frame("hi") == "\x81\x02hi");
  CHECK(websocket_text_frame("") == std::string("\x81\x00", 2));
  CHECK(websocket_text_frame(std::string(126, 'x')).substr(0, 4) == std::string("\x81\x7E\x00\x7E", 4));
  CHECK(websocket_text_frame(std::string(70'000, 'x')).substr(0, 10) ==
        std::string("\x81\x7F\0\0\0\0\0\x01\x11\x70", 10));
  CHECK(websocket_ping_frame("") == std::string("\x89\x00", 2));
  CHECK(websocket_pong_frame("abc") ==
        "\x8A\x03"
        "abc");
  CHECK(websocket_close_frame(CloseCode::going_away, "stop") == "\x88\x06\x03\xE9stop");
  CHECK(websocket_close_frame(CloseCode::no_code, "unsaid") == std::string("\x88\x00", 2));
  const std::string cut = websocket_close_frame(CloseCode::normal, std::string(122, 'x') + "\xC3\xA4");
  CHECK(cut.size() == 2 + 2 + 122);
}
