// The dispatcher's memory of what could run: a bounded cache of the store's queued tasks, ids and sort keys
// only. Tasks of types that nobody serves (now) are in it too, and stay.
//
// Tasks stand in lanes, one for each queue and type, in claiming order: higher priority first, then older
// run_at, then older key. A lane knows its tasks exactly up to a horizon. Without more on disk the horizon is
// the end; otherwise every queued task up to the horizon is in the lane, and those behind it are left to the
// disk until a refill moves the horizon.
//
// It is fed in the store's commit order and relies on that: insert() and remove() for each committed change,
// refilled() and settle() where the answers of load_ready and claim stand in that order (behind the changes
// of their own transaction). An entry that is too many costs one claim that comes back empty; an entry is
// never missing.
//
// Pure and not thread-safe. Memory: at most lane_capacity entries a lane, and never more than there are
// queued tasks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "storage/store.h"
#include "worker/capacity.h"
#include "worker/task_type.h"

namespace longhaul::worker {

// True when `a` is to be claimed before `b`.
[[nodiscard]] bool claimed_before(const storage::ReadyTask& a, const storage::ReadyTask& b);

class ReadyQueue {
 public:
  struct Options {
    std::size_t lane_capacity = 2'000;  // at least 1
    // A lane with less than this, and more on disk, wants a refill. As many as waiting_for counts, so that
    // its number is exact for whoever is nearer than that.
    std::size_t low_water = 1'000;
    std::size_t changes_during_refill = 8'000;
  };
  ReadyQueue() : ReadyQueue(Options{}) {}
  // low_water is taken as lane_capacity when it is more: a full lane never wants a refill.
  explicit ReadyQueue(Options options);

  // The store holds tasks for this lane that nobody has told us of: found at start.
  void add_lane_on_disk(const std::string& queue, const std::string& type);

  // A task has become queued.
  void insert(const std::string& queue, const std::string& type, const storage::ReadyTask& task);
  // A task is not queued any more, for whatever reason.
  void remove(const std::string& queue, const std::string& type, const storage::ReadyTask& task);

  struct Taken {
    std::string queue;
    TaskTypePtr type;  // as it is at this moment
    storage::ReadyTask task;
  };
  // The next task to claim: queues take turns, and within a queue the best task whose type has room goes
  // first. Nothing when no queue has both room and a task, or when the best one has yet to be read from disk.
  // What was taken must be settled.
  [[nodiscard]] std::optional<Taken> take(const Capacity& capacity);
  // The claim of a taken task was answered. It goes back to its place if it is queued after all: because it
  // became so again meanwhile, or, with a claim that never happened, because it still is.
  enum class Answer : std::uint8_t { claimed, not_queued, failed };
  void settle(api::TaskKey key, Answer answer);
  // The type with which it was taken; null when it is not.
  [[nodiscard]] TaskTypePtr type_of_taken(api::TaskKey key) const;

  // The refills that are wanted now; each must be answered by refilled() or refill_failed().
  [[nodiscard]] std::vector<storage::ReadyOrder> take_refills();
  void refilled(const storage::ReadyOrder& order, const std::vector<storage::ReadyTask>& loaded);
  // The refill is wanted again.
  void refill_failed(const storage::ReadyOrder& order);

  struct Ahead {
    std::size_t count = 0;
    bool exact = true;  // false: there are at least that many
  };
  // How many tasks of the queue are to be claimed before `task`, counted to `limit`, without those of types that
  // nobody serves.
  [[nodiscard]] Ahead count_ahead(std::string_view queue, const storage::ReadyTask& task,
                                  const Capacity& capacity, std::size_t limit) const;

  [[nodiscard]] std::size_t lane_count() const;
  [[nodiscard]] std::size_t size() const;  // entries in all lanes

 private:
  struct Lane {
    std::deque<storage::ReadyTask> tasks;  // in claiming order
    bool more_on_disk = false;
    // With more on disk: every queued task up to and including this place is in `tasks`. None: nothing is
    // known yet.
    std::optional<storage::ReadyTask> horizon;

    bool refill_wanted = false;  // listed in hungry_
    bool refill_in_flight = false;
    bool refill_void = false;  // too much has changed meanwhile: read again
    // What became of tasks behind the horizon since the refill was ordered: their place now, or nothing when
    // not queued.
    std::unordered_map<api::TaskKey, std::optional<storage::ReadyTask>> changed;
  };
  using Lanes = std::map<std::string, Lane, std::less<>>;  // by type
  struct Slip {                                            // of a taken task
    Taken taken;
    std::optional<bool> queued;  // what the changes since told, if any
  };
  struct LaneName {
    std::string queue;
    std::string type;
  };

  [[nodiscard]] Lane* find_lane(std::string_view queue, std::string_view type);
  struct Choice {
    TaskTypePtr type;  // null: none of the lanes may have the next task
    Lane* lane = nullptr;
  };
  [[nodiscard]] static Choice best_lane(Lanes& lanes, const Capacity& capacity);
  void place(const LaneName& name, const storage::ReadyTask& task);
  void note_change(Lane& lane, api::TaskKey key, std::optional<storage::ReadyTask> now) const;
  void trim(Lane& lane) const;
  void ask_for_refill(const LaneName& name, Lane& lane);
  void drop_if_empty(const LaneName& name);

  const Options options_;
  // Only lanes with something in them, or on disk, or on the way.
  std::map<std::string, Lanes, std::less<>> queues_;
  std::unordered_map<api::TaskKey, Slip> taken_;
  std::vector<LaneName> hungry_;
  std::string served_last_;  // the queue whose turn it was
};

}  // namespace longhaul::worker
