// One client's connection as the loop keeps it. An idle one is this struct and nothing else: buffers exist
// only while a request is being read or an answer waits to be written. Not thread-safe: the loop's own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "server/http/body_budget.h"
#include "server/http/exchange.h"
#include "server/http/request_framer.h"
#include "server/http/stream.h"

namespace longhaul::server {

class DeadlineList;

enum class Phase : std::uint8_t {
  unused,
  idle,       // between two requests
  head,       // part of a head is there
  body,       // the head has passed, part of the body may be there
  in_flight,  // a handler has the request
  streaming,  // the answer goes on until its handler ends it
  draining,   // answered early; the rest of the body is read and dropped
  writing,    // an answer waits until the client reads
  lingering,  // all is said; the client may still be sending, and must not lose the answer by a reset
};

// A request while it is being read.
struct Receiving {
  Receiving(const FramerLimits& limits, std::shared_ptr<BodyBudget> budget)
      : framer(limits), body_bytes_max(limits.body_bytes), charge(std::move(budget)) {}
  RequestFramer framer;
  const std::size_t body_bytes_max;
  Headers extra;  // of the gate
  BodyCharge charge;
};

// Bytes with a position: what lies before `begin` is done with.
struct ByteQueue {
  std::string bytes;
  std::size_t begin = 0;
  [[nodiscard]] std::string_view rest() const { return std::string_view(bytes).substr(begin); }
};

struct Connection {
  base::UniqueFd fd;
  ConnectionId id;
  Phase phase = Phase::unused;
  bool readable = false;       // the system may have bytes or an end for us
  bool end_announced = false;  // the client has sent its last byte, which may still have to be read
  bool end_read = false;
  bool close_when_written = false;
  bool watches_writing = false;
  bool broken = false;  // writing failed: to be closed
  bool queued = false;  // in the driver's list of those to go on with
  bool served = false;  // has had a request
  std::size_t lingered_bytes = 0;

  // Of the deadline list it is in.
  DeadlineList* list = nullptr;
  Connection* previous = nullptr;
  Connection* next = nullptr;
  base::BootTime deadline{};

  std::string peer;
  std::unique_ptr<Receiving> receiving;
  std::unique_ptr<ByteQueue> surplus;     // came with a request, belongs to the next ones
  std::unique_ptr<ByteQueue> output;      // did not fit into the socket
  std::shared_ptr<Exchange> exchange;     // while in flight
  std::shared_ptr<StreamHandler> stream;  // while streaming
};

}  // namespace longhaul::server
