// What waits for the writer, in lanes, so that small things do not wait behind many or big ones. Each batch
// takes from
//   work     claims, finishes, stops, deliveries tried: never refused; there are only as many as attempts run
//            and deliveries are under way
//   control  cancels and retries: bounded
//   starts   bounded by number and by bytes
//   sweeps   one slice a batch
//   notes    log lines and progress: a slice a batch, gathered by task, bounded by bytes; what is over is
//            dropped and marked
//   lookups  reads behind every change made so far: at the end of a batch
// in that order. Notes of a task go before a request that ends its attempt. Notes alone wait a moment for
// company, so that a chatty task costs one sync for many lines. Progress of a task is written a few times a
// second, the latest always (progress_pace.h).
//
// Thread-safety: every method from any thread; take() from the writer's alone. Nothing here touches the
//   database.
#pragma once

#include <array>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/mutex.h"
#include "storage/sqlite/progress_pace.h"
#include "storage/sqlite/requests/notes.h"
#include "storage/sqlite/write_request.h"

namespace longhaul::storage {

enum class Lane : std::uint8_t { work, control, starts, sweeps, lookups };
inline constexpr std::size_t lane_count = 5;

struct WriteQueueLimits {
  std::size_t waiting_starts = 20'000;
  std::size_t waiting_start_bytes = 64 * 1024 * 1024;
  std::size_t waiting_control = 20'000;
  std::size_t batch = 1'000;                  // changes in one transaction
  std::size_t batch_bytes = 8 * 1024 * 1024;  // of payloads and results in one transaction
  std::size_t note_bytes = 16 * 1024 * 1024;  // of waiting log lines
  std::size_t note_rows_in_a_slice = 256;
  std::chrono::milliseconds notes_wait{20};
  std::chrono::milliseconds progress_rest{200};  // between two writes of a task's progress
};

using Batch = std::vector<std::unique_ptr<WriteRequest>>;

class WriteQueue {
 public:
  explicit WriteQueue(WriteQueueLimits limits) : limits_(limits), pace_(limits.progress_rest) {}

  // Refuses the request on the caller's thread when its lane is full, or the queue not open.
  void push(Lane lane, std::unique_ptr<WriteRequest> request) EXCLUDES(mutex_);
  void add_log(TaskKey key, AttemptToken token, std::vector<api::LogLine> lines, std::size_t max_bytes)
      EXCLUDES(mutex_);
  void add_progress(TaskKey key, AttemptToken token, api::Progress progress) EXCLUDES(mutex_);

  // Nothing waits now, but for progress that is held.
  [[nodiscard]] bool is_empty() const EXCLUDES(mutex_);
  // How many requests wait; notes of a task are one.
  [[nodiscard]] std::size_t length() const EXCLUDES(mutex_);
  // There is space again: logs that lost lines meanwhile are marked as cut, those of ended tasks too.
  void mark_cut_logs() EXCLUDES(mutex_);

  void open() EXCLUDES(mutex_);
  // Nothing is taken any more; take() gives what is left and then false.
  void close() EXCLUDES(mutex_);
  // Blocks until there is something. False: closed and empty.
  [[nodiscard]] bool take(Batch& batch) EXCLUDES(mutex_);

 private:
  struct Waiting {
    std::deque<std::unique_ptr<WriteRequest>> requests;
    std::size_t bytes = 0;
  };
  // What a batch holds so far.
  struct Taken {
    std::size_t changes = 0;
    std::size_t bytes = 0;
  };
  enum class Sleep : std::uint8_t { awake, for_anything, for_company };

  // Takes the request, or says why not and leaves it with the caller.
  [[nodiscard]] std::optional<StoreError> try_push(Lane lane, std::unique_ptr<WriteRequest>& request)
      EXCLUDES(mutex_);
  [[nodiscard]] std::optional<StoreError> why_not(Lane lane, std::size_t bytes) const REQUIRES(mutex_);
  [[nodiscard]] Waiting& waiting(Lane lane) REQUIRES(mutex_) {
    return lanes_[static_cast<std::size_t>(lane)];
  }
  [[nodiscard]] bool has_requests() const REQUIRES(mutex_);
  void wake_for_notes() REQUIRES(mutex_);
  void wait_for_something() REQUIRES(mutex_);
  void sleep_for_anything() REQUIRES(mutex_);
  void let_progress_in(std::vector<ProgressPace::Held> held) REQUIRES(mutex_);
  void take_from(Lane lane, std::size_t most, Batch& batch, Taken& taken) REQUIRES(mutex_);
  void take_notes_of(TaskKey key, Batch& batch) REQUIRES(mutex_);
  void take_slice_of_notes(Batch& batch) REQUIRES(mutex_);
  // The notes of a task, made when there are none.
  [[nodiscard]] Notes& notes_of(TaskKey key, AttemptToken token) REQUIRES(mutex_);
  [[nodiscard]] std::unique_ptr<WriteRequest> request_of(Notes notes);
  void remember_as_cut(const Notes& lost) EXCLUDES(mutex_);

  const WriteQueueLimits limits_;
  mutable base::Mutex mutex_;
  base::CondVar wake_;
  bool open_ GUARDED_BY(mutex_) = false;
  Sleep sleep_ GUARDED_BY(mutex_) = Sleep::awake;
  std::array<Waiting, lane_count> lanes_ GUARDED_BY(mutex_);
  std::unordered_map<TaskKey, Notes> notes_ GUARDED_BY(mutex_);
  std::deque<TaskKey> notes_order_ GUARDED_BY(mutex_);  // may name tasks whose notes are gone
  std::size_t note_bytes_ GUARDED_BY(mutex_) = 0;
  ProgressPace pace_ GUARDED_BY(mutex_);
  // Lines of these were lost on a full disk. Told with the task's next notes or when there is space again, and
  // not before: a full disk is not to be tried again and again for that alone.
  std::unordered_set<TaskKey> cut_ GUARDED_BY(mutex_);
};

}  // namespace longhaul::storage
