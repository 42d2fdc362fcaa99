// Sends requests and hears answers, any number at once on one thread: libcurl's multi interface. Each request is
// a POST on a connection of its own, to an address that the guard lets through, checked as it is connected to.
// Nothing of the environment steers it (no proxy, no .netrc), no redirect is followed, TLS is verified.
//
// Thread-safety: ring() from any thread; everything else from one.
// Ownership: none of the guard. Units: milliseconds, bytes.
#pragma once

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
  };
  explicit Transfers(Options options);
  ~Transfers();
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;

  [[nodiscard]] base::Result<void> open();

  void begin(TransferRequest request);
  // Does what can be done without waiting; returns those that have ended.
  [[nodiscard]] std::vector<TransferEnd> advance();
  // Sleeps until something of a transfer can go on, ring() was called, or `until`. Nothing under way, nothing to
  // wait for: for good.
  void wait(std::optional<base::BootTime> until);
  void ring() { alarm_.ring(); }
  // Ends all at once; they are not told of.
  void drop_all();
  [[nodiscard]] bool empty() const;

 private:
  struct Multi;
  struct Transfer;

  const Options options_;
  const std::string trusted_file_;  // empty: the library's folder of certificates
  Alarm alarm_;
  std::unique_ptr<Multi> multi_;
};

}  // namespace longhaul::worker::webhooks
