// The lanes in front of the writer: what goes before what, how much at once, and what happens to notes.
#include <doctest/doctest.h>

#include <string>

#include "storage/sqlite/requests/attempt.h"
#include "storage/sqlite/write_queue.h"

namespace longhaul::tests {
namespace {

using namespace storage;  // NOLINT: tests speak the store's language

class NamedRequest final : public WriteRequest {
 public:
  NamedRequest(std::string name, std::optional<TaskKey> settles, std::size_t bytes,
               std::vector<std::string>* refused)
      : name_(std::move(name)), settles_(settles), bytes_(bytes), refused_(refused) {}
  void apply(WriteTransaction& /*transaction*/) override {}
  void answer() override {}
  void refuse(const StoreError& error) override {
    if (refused_ != nullptr) refused_->push_back(name_ + ": " + error.message);
  }
  [[nodiscard]] std::optional<TaskKey> settles() const override { return settles_; }
  [[nodiscard]] std::size_t bytes() const override { return bytes_; }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::string name_;
  std::optional<TaskKey> settles_;
  std::size_t bytes_;
  std::vector<std::string>* refused_;
};

// The names in a batch; notes have none.
std::string names_of(const Batch& batch) {
  std::string names;
  for (const auto& request : batch) {
    const auto* named = dynamic_cast<const NamedRequest*>(request.get());
    names += (names.empty() ? "" : " ") + (named == nullptr ? "notes" : named->name());
  }
  return names;
}

struct Queue {
  explicit Queue(WriteQueueLimits limits = {}) : queue(limits) { queue.open(); }
  void push(Lane lane, const std::string& name, std::optional<TaskKey> settles = {}, std::size_t bytes = 0) {
    queue.push(lane, std::make_unique<NamedRequest>(name, settles, bytes, &refused));
  }
  void log(std::int64_t key, int lines) {
    queue.add_log(TaskKey(key), AttemptToken(1), std::vector<api::LogLine>(static_cast<std::size_t>(lines)),
                  1'000'000);
  }
  void progress(std::int64_t key, double percent) {
    queue.add_progress(TaskKey(key), AttemptToken(1), {percent, "", {}});
  }
  std::string take() {
    CHECK(queue.take(batch));
    return names_of(batch);
  }

  std::vector<std::string> refused;
  WriteQueue queue;
  Batch batch;
};

}  // namespace

TEST_CASE("write queue: lanes have their order, and lookups see what came with them") {
  Queue queue;
  queue.push(Lane::lookups, "lookup");
  queue.push(Lane::sweeps, "sweep");
  queue.push(Lane::sweeps, "sweep2");
  queue.push(Lane::starts, "start");
  queue.log(5, 3);
  queue.push(Lane::control, "cancel");
  queue.push(Lane::work, "claim");
  CHECK(queue.take() == "claim cancel start sweep notes lookup");
  CHECK(queue.take() == "sweep2");
}

TEST_CASE("write queue: the notes of a task go before the request that ends its attempt") {
  Queue queue;
  queue.log(5, 3);
  queue.log(6, 1);
  queue.push(Lane::work, "claim");
  queue.push(Lane::work, "finish6", TaskKey(6));
  queue.push(Lane::work, "finish7", TaskKey(7));
  CHECK(queue.take() == "claim notes finish6 finish7 notes");
}

TEST_CASE("write queue: a full lane leaves room for the ones behind it") {
  WriteQueueLimits limits;
  limits.batch = 8;
  Queue queue(limits);
  for (int i = 0; i < 20; ++i) queue.push(Lane::work, "w");
  for (int i = 0; i < 20; ++i) queue.push(Lane::starts, "s");
  CHECK(queue.take() == "w w w w w w w w s s");
}

TEST_CASE("write queue: a claim of many tasks counts as many") {
  WriteQueueLimits limits;
  limits.batch = 10;
  WriteQueue queue(limits);
  queue.open();
  for (int i = 0; i < 5; ++i) {
    queue.push(Lane::work, std::make_unique<ClaimRequest>(std::vector<ClaimOrder>(4),
                                                          [](const StoreResult<ClaimOutcome>&) {}));
  }
  Batch batch;
  CHECK(queue.take(batch));
  CHECK(batch.size() == 3);
  CHECK(queue.take(batch));
  CHECK(batch.size() == 2);
}

TEST_CASE("write queue: starts are bounded by number and by bytes, in waiting and in a batch") {
  WriteQueueLimits limits;
  limits.waiting_starts = 3;
  limits.waiting_start_bytes = 1'000;
  limits.batch_bytes = 500;
  limits.waiting_control = 1;
  Queue queue(limits);
  queue.push(Lane::starts, "big", {}, 5'000);  // alone it may be as big as it is
  queue.push(Lane::starts, "no", {}, 1);
  CHECK(queue.refused.size() == 1);
  CHECK(queue.take() == "big");
  queue.push(Lane::starts, "a", {}, 400);
  queue.push(Lane::starts, "b", {}, 400);
  queue.push(Lane::starts, "c", {}, 100);
  queue.push(Lane::starts, "no");
  queue.push(Lane::control, "cancel");
  queue.push(Lane::control, "no");
  CHECK(queue.refused.size() == 3);
  CHECK(queue.take() == "cancel a");
  CHECK(queue.take() == "b c");
}

TEST_CASE("write queue: many log lines come in slices, and a start does not wait for them all") {
  WriteQueueLimits limits;
  limits.note_rows_in_a_slice = 100;
  Queue queue(limits);
  queue.log(1, 250);
  queue.log(2, 30);
  queue.push(Lane::starts, "s1");
  CHECK(queue.take() == "s1 notes");
  queue.push(Lane::starts, "s2");
  CHECK(queue.take() == "s2 notes");
  queue.push(Lane::starts, "s3");
  CHECK(queue.take() == "s3 notes notes");  // 50 and 30
}

TEST_CASE("write queue: notes alone are taken after a moment") {
  Queue queue;
  queue.log(1, 1);
  std::string taken;
  while (taken.empty()) taken = queue.take();
  CHECK(taken == "notes");
}

TEST_CASE("write queue: a task that has just written its progress rests, and its attempt's end ends that") {
  WriteQueueLimits limits;
  limits.progress_rest = std::chrono::hours(1);
  Queue queue(limits);
  queue.progress(1, 1);
  queue.push(Lane::starts, "a");
  CHECK(queue.take() == "a notes");
  for (int i = 2; i < 100; ++i) queue.progress(1, i);
  queue.progress(2, 1);
  queue.push(Lane::starts, "b");
  CHECK(queue.take() == "b notes");  // of the other task
  queue.log(1, 1);
  queue.push(Lane::starts, "c");
  CHECK(queue.take() == "c notes");  // the line alone
  CHECK(queue.queue.is_empty());
  queue.push(Lane::work, "finish", TaskKey(1));
  CHECK(queue.take() == "notes finish");
  queue.progress(1, 1);  // of its next attempt
  queue.push(Lane::starts, "d");
  CHECK(queue.take() == "d notes");
}

TEST_CASE("write queue: the latest progress comes by itself when the rest is over, and when it is closed") {
  WriteQueueLimits limits;
  limits.progress_rest = std::chrono::milliseconds(5);
  Queue queue(limits);
  for (int i = 0; i < 3; ++i) {
    queue.progress(1, i);
    std::string taken;
    while (taken.empty()) taken = queue.take();
    CHECK(taken == "notes");
  }
  limits.progress_rest = std::chrono::hours(1);
  Queue closed(limits);
  closed.progress(1, 1);
  closed.push(Lane::starts, "a");
  CHECK(closed.take() == "a notes");
  closed.progress(1, 2);
  closed.queue.close();
  CHECK(closed.take() == "notes");
  CHECK_FALSE(closed.queue.take(closed.batch));
}

TEST_CASE("write queue: closed, it refuses, and gives what it took") {
  Queue queue;
  queue.push(Lane::starts, "taken");
  queue.log(1, 1);
  queue.queue.close();
  queue.push(Lane::starts, "late");
  REQUIRE(queue.refused.size() == 1);
  CHECK(queue.take() == "taken notes");
  CHECK_FALSE(queue.queue.take(queue.batch));
}

TEST_CASE("write queue: lines that were lost on a full disk are marked with the task's next notes") {
  Queue queue;
  queue.log(1, 1);
  queue.push(Lane::work, "finish", TaskKey(1));
  CHECK(queue.take() == "notes finish");
  queue.batch[0]->refuse({StoreFault::storage_full, "full"});
  queue.push(Lane::work, "other", TaskKey(2));
  CHECK(queue.take() == "other");
  queue.push(Lane::work, "again", TaskKey(1));
  CHECK(queue.take() == "notes again");
}

TEST_CASE("write queue: ... and of a task that has ended when there is space again") {
  Queue queue;
  queue.log(1, 1);
  queue.push(Lane::work, "finish", TaskKey(1));
  CHECK(queue.take() == "notes finish");
  queue.batch[0]->refuse({StoreFault::storage_full, "full"});
  queue.queue.mark_cut_logs();
  CHECK(queue.take() == "notes");
  queue.queue.mark_cut_logs();
  CHECK(queue.queue.is_empty());
}

}  // namespace longhaul::tests
