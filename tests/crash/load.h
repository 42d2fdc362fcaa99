// A load of many tasks at once, each going its way by chance: started, claimed, cancelled, failed, retried.
// Every next step is taken in the answer to the one before, so that as many calls as there are lives wait for
// the writer at any time, and it all happens again by the same seed. It goes on until the store refuses.
//
// Thread-safety: an observer of the store; begin() once; the rest is on the store's writer thread. Outlives
// the store's stop().
#pragma once

#include <memory>
#include <random>
#include <vector>

#include "storage/store.h"
#include "tests/crash/ledger.h"

namespace longhaul::tests {

class Load final : public storage::StoreObserver {
 public:
  // `first_id` makes ids that no other load has.
  Load(storage::Store& store, Ledger& ledger, std::uint64_t seed, std::uint64_t first_id)
      : store_(store), ledger_(ledger), random_(seed), next_id_(first_id) {}
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  void begin(int lives);
  // Each new delivery is tried at once; its key says how that goes.
  void on_committed(std::span<const storage::TaskChange> /*changes*/) override {}
  void on_deliveries(std::span<const storage::OwedDelivery> deliveries) override;
  [[nodiscard]] std::uint64_t next_id() const { return next_id_; }

 private:
  using Snapshot = storage::TaskSnapshotPtr;

  void start_one();
  void go_on(const Snapshot& task);
  void claim(const Snapshot& task);
  void run(const Snapshot& task);
  void finish(const Snapshot& task);
  void cancel(const Snapshot& task);
  void sweep(const Snapshot& task);
  void end(const Snapshot& task);
  [[nodiscard]] storage::NewTask order();
  [[nodiscard]] bool chance(unsigned percent) { return random_() % 100 < percent; }

  storage::Store& store_;
  Ledger& ledger_;
  std::mt19937_64 random_;
  std::uint64_t next_id_;
};

}  // namespace longhaul::tests
