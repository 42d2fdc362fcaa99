// Answers without an end: an event stream, a WebSocket. A handler that gives one hands over who serves it, and the
// connection stays with that until it is finished or the client is gone.
//
// Thread-safety: the loop's thread only. Ownership: the connection shares the handler from the answer until
// on_gone(); a ByteStream is a name that outlives its connection, and the HTTP server must outlive its use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace longhaul::server {

class ConnectionDriver;

// A connection is named by its place in the table and by how often that place has been taken, so that nothing
// ever reaches somebody who came later.
struct ConnectionId {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
};

// Once the client is gone, all of it does nothing.
class ByteStream {
 public:
  ByteStream() = default;  // of nobody
  ByteStream(ConnectionDriver& driver, ConnectionId connection) : driver_(&driver), connection_(connection) {}

  // Sends what the socket takes and keeps the rest; a client that takes none of it for 30 s is closed. Bound
  // what you write by unsent().
  void write(std::string_view bytes) const;
  [[nodiscard]] std::size_t unsent() const;
  // Sends the rest, then closes. Nothing can be written any more.
  void finish() const;

 private:
  ConnectionDriver* driver_ = nullptr;
  ConnectionId connection_;
};

class StreamHandler {
 public:
  StreamHandler() = default;
  StreamHandler(const StreamHandler&) = delete;
  StreamHandler& operator=(const StreamHandler&) = delete;
  virtual ~StreamHandler() = default;

  // The head of the answer is on its way. Not called when there is nobody to stream to, or only the head was
  // asked for; then on_gone() is not either.
  virtual void on_open(ByteStream stream) = 0;
  // What the client sends after its request.
  virtual void on_bytes(std::string_view /*bytes*/) {}
  // Nothing is unsent any more.
  virtual void on_writable() {}
  // The client has sent its last byte. It may still read, or be gone without a word: writing to it tells.
  virtual void on_end() {}
  // Hung up, or closed after finish(): the last call.
  virtual void on_gone() = 0;
};

}  // namespace longhaul::server
