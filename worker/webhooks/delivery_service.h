// Delivers what webhooks owe: at least once, signed, with the same id and bytes each time, to addresses that the
// guard lets through. What is owed is the store's outbox; a delivery is over when the store says so.
//
// One thread sends everything (transfers.h). It sleeps while nothing is owed: no polling, no queries. An attempt
// counts once it is written down; when the store refuses that (a full disk), nothing more is sent until it takes
// it, so that nothing is sent again and again. After a crash an attempt that was not written down is made again.
//
// Thread-safety: as a Service; on_deliveries from the store's writer thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/service.h"
#include "storage/store.h"
#include "worker/webhooks/address_guard.h"
#include "worker/webhooks/circuit_board.h"
#include "worker/webhooks/due_queue.h"
#include "worker/webhooks/retry_schedule.h"

namespace longhaul::worker::webhooks {

struct DeliveryOptions {
  storage::Outbox* outbox = nullptr;    // outlives the service
  const base::Clock* clock = nullptr;   // outlives the service
  const AddressGuard* guard = nullptr;  // outlives the service
  std::string secret;                   // "whsec_..."; empty: the outbox's own
  RetrySchedule retries = default_retry_schedule();
  base::Milliseconds timeout{15'000};  // of one attempt
  std::string ca_file;                 // certificates to trust; empty: the system's
  // A webhook all whose attempts have failed for so long is disabled; what an open circuit has held back so long is given up.
  base::Milliseconds disable_after{5 * 24 * 3'600'000};
  CircuitBoard* circuits = nullptr;       // told of open circuits; outlives the service
  DueQueue::Limits limits;                // but for longest_hold and circuit, which follow from the above
  std::function<std::uint64_t()> random;  // 64 evenly distributed bits; empty: the machine's
};

// Started after the store: what is owed from before is sent then. stop() gives requests under way a moment to
// end; those that have not are made again at the next start.
class DeliveryService : public base::Service, public storage::StoreObserver {};

[[nodiscard]] std::unique_ptr<DeliveryService> make_delivery_service(DeliveryOptions options);

}  // namespace longhaul::worker::webhooks
