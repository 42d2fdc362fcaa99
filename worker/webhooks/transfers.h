// Sends requests and hears answers, any number at once on one thread: libcurl's multi interface. Each request is a
// POST to an address that the guard lets through, asked of it for each connection and again for each request on it.
// Nothing of the environment steers it (no proxy, no .netrc), no redirect is followed, TLS is verified.
//
// Connections are kept for the next request to the same scheme, host and port, over TLS as HTTP/2 where the endpoint
// offers that, with several requests on one. A kept one that its peer closes in the moment that a request is sent over
// it costs nothing: the request is made again at once on a new one, so that a receiver may see it twice. None is used
// again after a request on it failed. When nothing has been under way for a while, all are closed.
//
// Thread-safety: ring() from any thread; everything else from one.
// Ownership: none of the guard. Units: milliseconds, bytes.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/delivery.h"
#include "base/clock.h"
#include "base/result.h"
#include "worker/alarm.h"
#include "worker/webhooks/address_guard.h"

namespace longhaul::worker::webhooks {

struct TransferRequest {
  api::DeliveryKey key;
  std::string url;
  std::string body;
  std::vector<std::string> headers;  // "name: value"
};

// How far it came.
enum class TransferFault : std::uint8_t {
  none,  // there is an answer, whatever it says
  address_refused,
  dns_failed,
  connect_failed,
  tls_failed,
  timed_out,
  connection_lost,
};

struct TransferEnd {
  api::DeliveryKey key;
  TransferFault fault = TransferFault::none;
  std::string remote_address;  // "192.0.2.1:443"; empty: no connection was made
  std::optional<int> status;   // of the answer
  std::optional<base::Milliseconds> retry_after;
  std::string answer;  // the beginning of its body
};

class Transfers {
 public:
  struct Options {
    const AddressGuard* guard = nullptr;
    base::Milliseconds timeout{15'000};  // of one transfer, from the name to the last byte
    std::string ca_file;                 // instead of the system's; empty: the system's
    std::string user_agent;
    std::size_t most_connections = 128;  // that are open; what is in flight comes first
    std::chrono::seconds kept_unused{60};
    std::chrono::seconds kept_at_all{300};            // so that a name is looked up again
    base::Milliseconds closes_when_idle_for{30'000};  // with nothing under way, all of them
  };
  explicit Transfers(Options options);
  ~Transfers();
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;

  [[nodiscard]] base::Result<void> open();

  void begin(TransferRequest request);
  // Does what can be done without waiting; returns those that have ended.
  [[nodiscard]] std::vector<TransferEnd> advance();
  // Sleeps until something of a transfer can go on, ring() was called, or `until`; or until connections are to be
  // closed, which it does. Nothing of that ahead: for good.
  void wait(std::optional<base::BootTime> until);
  void ring() { alarm_.ring(); }
  // Ends all at once; they are not told of.
  void drop_all();
  [[nodiscard]] bool empty() const { return under_way_ == 0; }

 private:
  struct Multi;
  class Global;

  void make_multi();
  void close_idle(base::BootTime now);

  const Options options_;
  const std::string trusted_file_;  // empty: the library's folder of certificates
  const base::SystemClock clock_;
  const std::unique_ptr<Global> global_;
  Alarm alarm_;
  std::size_t under_way_ = 0;
  std::unique_ptr<Multi> multi_;
  std::optional<base::BootTime> closes_at_;  // while nothing is under way and a connection may be open
};

}  // namespace longhaul::worker::webhooks
