// What a crash must not undo: the last that observers heard of each task, which is told only after the synced
// commit.
// Thread-safety: every method from any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "storage/sqlite/connection.h"
#include "storage/store.h"

namespace longhaul::tests {

class Ledger final : public storage::StoreObserver {
 public:
  // The task may be there after a crash, though nobody was told.
  void asked_for(const storage::TaskId& id);
  void on_committed(std::span<const storage::TaskChange> changes) override;
  void on_deliveries(std::span<const storage::OwedDelivery> deliveries) override;
  // An answer to a caller: it may not know more than observers do.
  void answered(const storage::TaskSnapshotPtr& task);

  // An answer too: an attempt to deliver was noted, and led there.
  void noted(const api::DeliveryId& id, api::DeliveryStatus status);

  // Blocks until observers have heard of more than `commits`, or close() was called; gives how many they have
  // heard of.
  [[nodiscard]] std::size_t wait_for_more_than(std::size_t commits);
  // No more will be heard; undone by check().
  void close();

  // Compares with what came through, and takes that for the truth from now on. Each difference in words; none
  // is good. `path` and `vfs` name the database; it may not be open for writing.
  [[nodiscard]] std::vector<std::string> check(const std::string& path, const std::string& vfs);

  [[nodiscard]] std::size_t tasks() const;
  [[nodiscard]] std::size_t finished() const;
  [[nodiscard]] std::size_t deliveries() const;

 private:
  struct Known {
    std::int64_t revision = 0;  // 0: asked for, nothing heard
    storage::TaskState state = storage::TaskState::queued;
    std::int64_t claims = 0;
    std::int64_t ends_told = 0;  // final states that a callback is owed
  };

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t commits_ = 0;
  bool closed_ = false;
  void check_deliveries(storage::Statements& statements, std::vector<std::string>& faults);

  std::unordered_map<storage::TaskId, Known> known_;
  std::unordered_map<api::DeliveryId, api::DeliveryStatus> deliveries_;
  std::vector<std::string> faults_;
};

}  // namespace longhaul::tests
