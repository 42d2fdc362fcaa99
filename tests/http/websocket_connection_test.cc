// A WebSocket over the transport: pings by an injected clock, pace, the ways to end.
#include "server/streams/websocket_connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <ostream>
#include <string>

#include <doctest/doctest.h>

#include "server/streams/websocket_handshake.h"
#include "tests/http/transport_fixture.h"
#include "tests/support/manual_clock.h"

using namespace longhaul;
using namespace longhaul::tests;
using namespace std::chrono_literals;

namespace {

class Echoing final : public server::WebsocketConnection {
 public:
  using WebsocketConnection::WebsocketConnection;
  // Loop's thread.
  void say(std::string_view text) {
    push_text(text);
    pump();
  }
  Signal over;

 private:
  void on_message(std::string_view text) override { push_text(text); }
  void end() override { over.set(); }
};

server::HttpServerOptions with_clock(const base::Clock& clock) {
  server::HttpServerOptions options;
  options.clock = &clock;
  return options;
}

// A frame of up to 125 bytes as a client sends it, masked with zeros.
std::string frame(int opcode, std::string_view payload) {
  std::string out{static_cast<char>(0x80 | opcode),
                  static_cast<char>(0x80 | static_cast<int>(payload.size()))};
  out += std::string(4, '\0');
  return out + std::string(payload);
}

struct Socket {
  explicit Socket(int receive_buffer_bytes = 0) : client(transport.port(), receive_buffer_bytes) {
    client.send(get("/park"));
    server::Response head;
    head.status = 101;
    head.headers = {{"Upgrade", "websocket"}};
    transport.parked().stream(std::move(head), connection);
    REQUIRE(client.read_head().status == 101);
    (void)transport.on_loop([] { return true; });  // the connection is open behind its head: its timers run
  }
  ~Socket() { streams.close(); }

  // Time passes, and the loop has looked at its timers since.
  void pass(base::Milliseconds time) {
    clock.advance(time);
    Signal looked;
    (void)transport.on_loop(
        [&] { return transport.server->call_at(clock.boot(), [&looked] { looked.set(); }); });
    REQUIRE(looked.wait());
    (void)transport.on_loop([] { return true; });  // and is through with all that were due
  }
  // The client's next bytes.
  std::string read(std::size_t bytes) {
    std::string out;
    while (out.size() < bytes) {
      char buffer[64 * 1024];
      const ssize_t count = ::recv(client.fd(), buffer, std::min(sizeof buffer, bytes - out.size()), 0);
      REQUIRE(count > 0);
      out.append(buffer, static_cast<std::size_t>(count));
    }
    return out;
  }

  ManualClock clock;
  Transport transport{with_clock(clock)};
  server::OpenStreams streams{*transport.server};
  RawClient client;
  std::shared_ptr<Echoing> connection = std::make_shared<Echoing>(streams, clock);
};

const std::string ping_frame("\x89\x00", 2);

}  // namespace

TEST_CASE("websocket: a ping every 25 s, and none before") {
  Socket socket;
  socket.pass(24'999ms);
  CHECK(socket.client.silent());
  for (int round = 0; round < 5; ++round) {
    socket.pass(round == 0 ? 1ms : 25'000ms);
    CHECK(socket.read(2) == ping_frame);
    socket.client.send(frame(10, "") + frame(1, "on"));
    CHECK(socket.read(4) == "\x81\x02on");  // so the answer has been read
  }
  CHECK(socket.streams.open(server::StreamKind::socket) == 1);
}

TEST_CASE("websocket: two unanswered pings end it, messages or not") {
  Socket socket;
  socket.pass(25s);
  CHECK(socket.read(2) == ping_frame);
  socket.client.send(frame(1, "on"));
  CHECK(socket.read(4) == "\x81\x02on");
  socket.pass(25s);
  CHECK(socket.read(2) == ping_frame);
  CHECK(socket.connection->over.count() == 0);
  socket.pass(25s);
  CHECK(socket.connection->over.wait());
  const std::string rest = socket.client.read_to_end();
  CHECK(rest.substr(2, 2) == "\x03\xF0");  // 1008
  CHECK(socket.streams.open(server::StreamKind::socket) == 0);
  CHECK(socket.streams.cut() == 0);
}

TEST_CASE("websocket: one that reads nothing is told why, once it reads, and cut") {
  Socket socket(4096);
  const std::string text(64 * 1024, 'x');
  socket.transport.until([&] {
    socket.connection->say(text);
    return socket.connection->over.count() > 0;
  });
  CHECK(socket.streams.cut() == 1);
  const std::string rest = socket.client.read_to_end();
  const std::size_t close = rest.rfind("\x03\xF5too slow");  // 1013
  REQUIRE(close != std::string::npos);
  CHECK(rest[close - 2] == '\x88');
  // Frames are whole up to the last.
  CHECK((close - 2) % (text.size() + 10) == 0);
}

TEST_CASE("websocket: a message must be whole a minute after its first byte, pings or not") {
  Socket socket;
  const std::string message = frame(1, "on");
  SUBCASE("in the middle of a frame") { socket.client.send(message.substr(0, message.size() - 1)); }
  SUBCASE("at its first byte") { socket.client.send(message.substr(0, 1)); }
  SUBCASE("between two frames") {
    socket.client.send(std::string("\x01\x80\0\0\0\0", 6) + frame(9, "a"));
    CHECK(socket.read(3) ==
          "\x8A\x01"
          "a");
    socket.pass(10s);
    socket.client.send(frame(9, "b"));
    CHECK(socket.read(3) ==
          "\x8A\x01"
          "b");
    socket.pass(15s);
    CHECK(socket.read(2) == ping_frame);
    socket.client.send(frame(10, "") + frame(9, "c"));
    CHECK(socket.read(3) ==
          "\x8A\x01"
          "c");
    socket.pass(34'999ms);
    CHECK(socket.read(2) == ping_frame);
    CHECK(socket.client.silent());
    socket.pass(1ms);
    CHECK(socket.connection->over.wait());
    CHECK(socket.client.read_to_end().substr(2, 2) == "\x03\xF0");  // 1008
    return;
  }
  // Only what has come has begun.
  socket.transport.until([&] { return socket.streams.budget().waiting_bytes > 0; });
  socket.pass(59'999ms);
  CHECK(socket.read(2) == ping_frame);
  CHECK(socket.client.silent());
  socket.pass(1ms);
  CHECK(socket.connection->over.wait());
  const std::string rest = socket.client.read_to_end();
  CHECK(rest.substr(2, 2) == "\x03\xF0");
  CHECK(rest.find("took too long") != std::string::npos);
}

TEST_CASE("websocket: each message has its own minute") {
  Socket socket;
  const std::string message = frame(1, "on");
  socket.client.send(message.substr(0, 3));
  for (int round = 0; round < 10; ++round) {
    socket.transport.until([&] { return socket.streams.budget().waiting_bytes > 0; });
    socket.pass(20s);
    // The end of one along with the beginning of the next.
    socket.client.send(message.substr(3) + frame(10, "") + message.substr(0, 3));
    std::string answer = socket.read(2);
    if (answer == ping_frame) answer = socket.read(2);
    CHECK(answer == "\x81\x02");
    CHECK(socket.read(2) == "on");
  }
  socket.client.send(message.substr(3));
  CHECK(socket.read(4) == "\x81\x02on");
  socket.pass(10s);
  CHECK(socket.connection->over.count() == 0);
}

TEST_CASE("websocket: unfinished messages count with all that waits, and give it back") {
  Socket socket;
  auto& waiting = socket.streams.budget().waiting_bytes;
  const auto now = [&] { return socket.transport.on_loop([&] { return waiting; }); };
  const std::string message = frame(1, std::string(100, 'x'));
  socket.client.send(message.substr(0, 60));
  socket.transport.until([&] { return waiting > 50; });
  socket.client.send(message.substr(60));
  CHECK(socket.read(102).substr(2) == std::string(100, 'x'));
  CHECK(now() == 0);
  SUBCASE("one that vanishes") {
    socket.client.send(message.substr(0, 60));
    socket.transport.until([&] { return waiting > 50; });
    socket.client.reset();
    CHECK(socket.connection->over.wait());
    CHECK(now() == 0);
  }
  SUBCASE("one too many") {
    const std::size_t others = api::limits::streams_waiting_bytes - 50;
    (void)socket.transport.on_loop([&] { return waiting += others; });
    socket.client.send(message.substr(0, 60));
    CHECK(socket.connection->over.wait());
    CHECK(socket.client.read_to_end().substr(2, 2) == "\x03\xF5");  // 1013
    CHECK(socket.transport.on_loop([&] { return waiting -= others; }) == 0);
  }
}

TEST_CASE("websocket: the server's stop") {
  Socket socket;
  SUBCASE("ends those that are open") {
    socket.streams.close();
    const std::string rest = socket.client.read_to_end();
    CHECK(rest.substr(0, 1) == "\x88");
    CHECK(rest.substr(2, 2) == "\x03\xE9");
  }
  SUBCASE("and those that come later") {
    socket.streams.close();
    RawClient late = socket.transport.client();
    late.send(get("/park"));
    server::Response head;
    head.status = 101;
    head.headers = {{"Upgrade", "websocket"}};
    const auto connection = std::make_shared<Echoing>(socket.streams, socket.clock);
    socket.transport.parked().stream(std::move(head), connection);
    CHECK(late.read_head().status == 101);
    CHECK(late.read_to_end().substr(2, 2) == "\x03\xE9");
    CHECK(connection->over.wait());
  }
}

TEST_CASE("websocket: a client that vanishes is let go of, its timer too") {
  Socket socket;
  socket.client.reset();
  CHECK(socket.connection->over.wait());
  CHECK(socket.streams.open(server::StreamKind::socket) == 0);
  socket.pass(100s);
}
