// The attempts that hold a slot: from the committed claim to the committed end. At most one for each task.
//
// Not thread-safe. Bounded by the capacity of the executors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "api/task.h"
#include "storage/store.h"
#include "worker/task_type.h"

namespace longhaul::worker {

enum class AttemptPhase : std::uint8_t {
  claimed,       // committed; its payload is on the way, nothing runs yet
  running,       // an executor has it
  last_timeout,  // its time is up and no attempt is left: the store was asked to make it `cancelling`
  timing_out,    // its time is up and attempts are left: told to stop
  releasing,     // the server stops: told to stop, to be given back
  cancelling,    // the store says so; told to stop
  ending,        // nothing of it runs any more; its end is being written
};

struct Attempt {
  api::TaskKey key;
  api::TaskId id;
  api::AttemptToken token;
  TaskTypePtr type;  // as it was when the attempt was claimed
  std::string queue;
  int attempt = 1;
  int max_attempts = 1;
  std::optional<base::Milliseconds> timeout;
  AttemptPhase phase = AttemptPhase::claimed;
  std::optional<api::StopCause> stop_cause;  // while cancelling
  std::optional<storage::AttemptEnd> end;    // while ending: kept until it is committed
};

class AttemptTable {
 public:
  // From the snapshot of a task that has just become running.
  Attempt& add(const api::TaskSnapshot& task, TaskTypePtr type);
  [[nodiscard]] Attempt* find(api::TaskKey key, api::AttemptToken token);
  void erase(const Attempt& attempt);

  void set_timeout(const Attempt& attempt, base::BootTime at);
  void clear_timeout(const Attempt& attempt);
  [[nodiscard]] std::optional<base::BootTime> next_timeout() const;
  // Takes one attempt whose timeout is at or before `now`; null when there is none.
  [[nodiscard]] Attempt* take_timed_out(base::BootTime now);

  [[nodiscard]] bool empty() const { return attempts_.empty(); }
  [[nodiscard]] std::size_t size() const { return attempts_.size(); }
  // Their addresses hold until they are erased.
  [[nodiscard]] std::vector<Attempt*> all();

 private:
  struct Entry {
    Attempt attempt;
    std::optional<base::BootTime> times_out_at;
  };
  std::unordered_map<api::TaskKey, Entry> attempts_;
  std::set<std::pair<base::BootTime, api::TaskKey>> timeouts_;
};

}  // namespace longhaul::worker
