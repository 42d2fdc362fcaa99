// Answers without an end, and clients that go without a word.
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include "tests/http/transport_fixture.h"

using namespace longhaul;
using namespace longhaul::tests;

namespace {

// Keeps what it hears; the test speaks through its stream, on the loop.
class Recording final : public server::StreamHandler {
 public:
  void on_open(server::ByteStream stream) override {
    bytes = stream;
    if (!greeting.empty()) bytes.write(greeting);
    opened.set();
  }
  void on_bytes(std::string_view heard) override {
    {
      const std::lock_guard lock(mutex_);
      heard_ += heard;
    }
    if (echoes) bytes.write(heard);
    if (heard.find("bye") != std::string_view::npos) bytes.finish();
  }
  void on_writable() override { writable.set(); }
  void on_end() override { ended.set(); }
  void on_gone() override { gone.set(); }
  [[nodiscard]] std::string heard() const {
    const std::lock_guard lock(mutex_);
    return heard_;
  }

  server::ByteStream bytes;
  std::string greeting;
  bool echoes = false;
  Signal opened;
  Signal writable;
  Signal ended;
  Signal gone;

 private:
  mutable std::mutex mutex_;
  std::string heard_;
};

server::Response stream_head() {
  server::Response head;
  head.content_type = "text/event-stream";
  head.headers = {{"Cache-Control", "no-store"}};
  return head;
}

// A server whose /stream gives out one handler, and a client that has asked for it.
struct Streaming {
  explicit Streaming(bool echoes = false, const std::string& request = get("/park"))
      : client(transport.client()) {
    handler->echoes = echoes;
    client.send(request);
    transport.parked().stream(stream_head(), handler);
    opened = handler->opened.wait();
  }
  void write(const std::string& text) {
    (void)transport.on_loop([&] {
      handler->bytes.write(text);
      return true;
    });
  }
  void finish() {
    (void)transport.on_loop([&] {
      handler->bytes.finish();
      return true;
    });
  }
  Transport transport;
  RawClient client;
  std::shared_ptr<Recording> handler = std::make_shared<Recording>();
  bool opened = false;
};

}  // namespace

TEST_CASE("a stream goes out as it is written, and ends with its connection") {
  Streaming streaming;
  REQUIRE(streaming.opened);
  const Answer head = streaming.client.read_head();
  CHECK(head.status == 200);
  CHECK(head.header("Content-Type") == "text/event-stream");
  CHECK(head.header("Connection") == "close");
  CHECK(head.header("Cache-Control") == "no-store");
  CHECK(head.count("Content-Length") == 0);
  CHECK(head.count("Transfer-Encoding") == 0);
  streaming.write("one");
  streaming.write("two");
  streaming.finish();
  streaming.write("three");  // too late
  CHECK(streaming.client.read_to_end() == "onetwo");
  streaming.client.close();
  CHECK(streaming.handler->gone.wait());
}

TEST_CASE("what a client sends after its request is heard, also when it came along with it") {
  Streaming streaming(true, get("/park") + "early ");
  REQUIRE(streaming.opened);
  (void)streaming.client.read_head();
  streaming.client.send("late bye");
  CHECK(streaming.client.read_to_end() == "early late bye");
  CHECK(streaming.handler->heard() == "early late bye");
}

TEST_CASE("a stream whose client does not read keeps what is unsent, and tells when it has gone") {
  Streaming streaming;
  REQUIRE(streaming.opened);
  const std::string megabyte(1024 * 1024, 'x');
  for (int i = 0; i < 16; ++i) streaming.write(megabyte);
  const auto unsent = [&] {
    return streaming.transport.on_loop([&] { return streaming.handler->bytes.unsent(); });
  };
  CHECK(unsent() > 0);
  CHECK(streaming.handler->writable.count() == 0);
  streaming.finish();
  (void)streaming.client.read_head();
  CHECK(streaming.client.read_to_end().size() == 16 * megabyte.size());
  CHECK(unsent() == 0);
}

TEST_CASE("a stream is writable again once its client has read") {
  Streaming streaming;
  REQUIRE(streaming.opened);
  streaming.write(std::string(16 * 1024 * 1024, 'x'));
  std::string rest;
  (void)streaming.client.read_head();
  std::thread reader([&] { rest = streaming.client.read_to_end(); });
  CHECK(streaming.handler->writable.wait());
  streaming.finish();
  reader.join();
  CHECK(rest.size() == 16 * 1024 * 1024);
}

TEST_CASE("a stream hears of the end of its client's side, of its going, and then nothing more") {
  Streaming streaming;
  REQUIRE(streaming.opened);
  (void)streaming.client.read_head();
  streaming.client.end_sending();
  CHECK(streaming.handler->ended.wait());
  streaming.write("still here");
  CHECK(streaming.handler->gone.count() == 0);
  streaming.client.reset();
  CHECK(streaming.handler->gone.wait());
  streaming.write("nobody");
  CHECK(streaming.transport.on_loop([&] { return streaming.handler->bytes.unsent(); }) == 0);
}

TEST_CASE("a stream for somebody who has gone is never opened") {
  Transport transport;
  RawClient client = transport.client();
  client.send(get("/park"));
  const server::Responder responder = transport.parked();
  client.reset();
  REQUIRE(transport.hung_up.wait());
  const auto handler = std::make_shared<Recording>();
  responder.stream(stream_head(), handler);
  (void)transport.on_loop([] { return true; });
  CHECK(handler->opened.count() == 0);
  CHECK(handler->gone.count() == 0);
  CHECK(handler.use_count() == 1);
}

TEST_CASE("of a stream, HEAD gets the head") {
  Transport transport;
  RawClient client = transport.client();
  client.send(request("HEAD", "/park"));
  const auto handler = std::make_shared<Recording>();
  transport.parked().stream(stream_head(), handler);
  const Answer head = client.read(true);
  CHECK(head.status == 200);
  CHECK(head.header("Content-Type") == "text/event-stream");
  CHECK(client.ended());
  CHECK(handler->opened.count() == 0);
}

TEST_CASE("a change of protocol") {
  Transport transport;
  RawClient client = transport.client();
  client.send(get("/park", {"Upgrade: other", "Connection: Upgrade"}));
  const auto handler = std::make_shared<Recording>();
  handler->echoes = true;
  handler->greeting = "hello";
  server::Response head;
  head.status = 101;
  head.headers = {{"Upgrade", "other"}};
  transport.parked().stream(head, handler);
  const Answer answer = client.read_head();
  CHECK(answer.status == 101);
  CHECK(answer.header("Upgrade") == "other");
  CHECK(answer.header("Connection") == "Upgrade");
  CHECK(answer.count("Content-Length") == 0);
  CHECK(answer.count("Content-Type") == 0);
  client.send(" and bye");
  CHECK(client.read_to_end() == "hello and bye");
}

TEST_CASE("a server that stops does not wait for a stream for ever") {
  Streaming streaming;
  REQUIRE(streaming.opened);
  streaming.transport.server->stop();
  CHECK(streaming.handler->gone.wait());
}

TEST_CASE("a client that closes its socket while it waits has hung up") {
  Transport transport;
  RawClient client = transport.client();
  client.send(get("/park"));
  const server::Responder responder = transport.parked();
  client.close();  // an end, not a reset
  CHECK(transport.hung_up.wait());
}

TEST_CASE("a client that closes right behind its request has hung up") {
  Transport transport;
  for (int i = 0; i < 50; ++i) {
    RawClient client = transport.client();
    client.send(get("/park"));
    client.close();
    const server::Responder responder = transport.parked();
    CHECK(transport.hung_up.wait(static_cast<std::size_t>(i) + 1));
  }
}

TEST_CASE("a client that has only ended its side is answered, behind a proof that it is there") {
  Transport transport;
  RawClient client = transport.client();
  client.send(get("/park"));
  client.end_sending();
  const server::Responder responder = transport.parked();
  CHECK(client.read_head().status == 100);
  CHECK(transport.hung_up.count() == 0);
  responder.send(text_response(200, "there"));
  CHECK(client.read().body == "there");
  CHECK(client.ended());
}

TEST_CASE("HTTP/1.0 knows no 100: a client that has ended its side is just answered") {
  Transport transport;
  RawClient client = transport.client();
  client.send("GET /park HTTP/1.0\r\nHost: a\r\n\r\n");
  client.end_sending();
  const server::Responder responder = transport.parked();
  transport.until([&] { return transport.server->counters().in_flight == 1; });
  responder.send(text_response(200, "there"));
  CHECK(client.read().status == 200);
}

TEST_CASE("a server that stops does not wait for a client that has been told all") {
  Streaming streaming;
  REQUIRE(streaming.opened);
  (void)streaming.client.read_head();
  streaming.finish();
  CHECK(streaming.client.read_to_end().empty());  // and keeps its side open
  const auto began = std::chrono::steady_clock::now();
  streaming.transport.server->stop();
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(4));
}
