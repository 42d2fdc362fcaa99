#include "worker/ready_queue.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/worker/borrowed_type.h"

using namespace longhaul;
using storage::ReadyTask;
using worker::Capacity;
using worker::ReadyQueue;
using worker::TaskKind;
using worker::TaskType;
using worker::TaskTypes;

namespace {

ReadyTask task(std::int64_t key, int priority = 0, int run_at = 0) {
  return {api::TaskKey(key), priority, base::WallTime(base::Milliseconds(run_at))};
}

struct House {
  TaskTypes types;
  Capacity capacity;

  House() : capacity(tests::borrowed(add_types(types))) { capacity.set_places(TaskKind::builtin, 1'000); }
  static TaskTypes& add_types(TaskTypes& types) {
    for (const char* name : {"a", "b"}) {
      TaskType type;
      type.name = name;
      type.kind = TaskKind::builtin;
      types.add(type);
    }
    TaskType narrow = *types.find("b");
    narrow.concurrency = 1;
    types.add(narrow);
    types.set_queue("q", {100});
    types.set_queue("r", {100});
    return types;
  }

  // Keys in the order in which they are taken, slots held until the end.
  std::vector<std::int64_t> take_all(ReadyQueue& ready) {
    std::vector<std::int64_t> keys;
    while (const auto taken = ready.take(capacity)) {
      capacity.reserve(taken->queue, *taken->type);
      keys.push_back(taken->task.key.get());
    }
    return keys;
  }
};

using Keys = std::vector<std::int64_t>;

}  // namespace

TEST_CASE(
    "ready queue: higher priority first, then older run_at, then older key, across the types of a queue") {
  House house;
  ReadyQueue ready;
  ready.insert("q", "a", task(4, 0, 50));
  ready.insert("q", "a", task(1, 0, 60));
  ready.insert("q", "b", task(5, 7, 99));
  ready.insert("q", "a", task(3, 0, 50));
  ready.insert("q", "a", task(2, -1, 10));
  CHECK(house.take_all(ready) == Keys{5, 3, 4, 1, 2});
  CHECK(ready.size() == 0);
  CHECK(ready.lane_count() == 0);
}

TEST_CASE("ready queue: a full type is passed over, a full queue is not served") {
  House house;
  house.types.set_queue("q", {3});
  ReadyQueue ready;
  ready.insert("q", "b", task(1, 9));
  ready.insert("q", "b", task(2, 8));  // the type has room for one
  ready.insert("q", "a", task(3, 1));
  ready.insert("q", "a", task(4, 1));
  ready.insert("q", "a", task(5, 1));
  ready.insert("r", "a", task(6, 1));
  CHECK(house.take_all(ready) == Keys{1, 6, 3, 4});
  house.capacity.release("q", *house.types.find("b"));
  CHECK(house.take_all(ready) == Keys{2});
  house.capacity.release("q", *house.types.find("b"));
  CHECK(house.take_all(ready) == Keys{5});
}

TEST_CASE("ready queue: queues take turns") {
  House house;
  ReadyQueue ready;
  for (int i = 0; i < 3; ++i) {
    ready.insert("q", "a", task(10 + i, 50));
    ready.insert("r", "a", task(20 + i, 0));
  }
  CHECK(house.take_all(ready) == Keys{10, 20, 11, 21, 12, 22});
}

TEST_CASE("ready queue: a cancelled task is gone, wherever it is") {
  House house;
  ReadyQueue ready({2, 1, 100});
  for (int i = 1; i <= 4; ++i) ready.insert("q", "a", task(i));  // 3 and 4 are on disk only
  ready.remove("q", "a", task(1));
  ready.remove("q", "a", task(3));
  ready.remove("q", "a", task(99));
  CHECK(house.take_all(ready) == Keys{2});
  const auto refills = ready.take_refills();
  REQUIRE(refills.size() == 1);
  CHECK(refills[0].after->key == api::TaskKey(2));
  ready.refilled(refills[0], {task(4)});
  CHECK(house.take_all(ready) == Keys{4});
}

TEST_CASE("ready queue: an overflowing lane keeps the best and reads the others from disk") {
  House house;
  ReadyQueue ready({4, 2, 100});
  for (int i = 10; i < 20; ++i) ready.insert("q", "a", task(i));
  CHECK(ready.size() == 4);
  ready.insert("q", "a", task(5));   // better than all: the worst goes to disk
  ready.insert("q", "a", task(50));  // behind the horizon
  CHECK(ready.size() == 4);
  CHECK(ready.take_refills().empty());
  auto taken = house.take_all(ready);
  CHECK(taken == Keys{5, 10, 11, 12});
  auto refills = ready.take_refills();
  REQUIRE(refills.size() == 1);
  CHECK(refills[0].after->key == api::TaskKey(12));
  CHECK(refills[0].limit == 4);
}

TEST_CASE("ready queue: what changes behind the horizon during a refill is not forgotten") {
  House house;
  ReadyQueue ready({4, 4, 100});
  ready.add_lane_on_disk("q", "a");
  const auto refills = ready.take_refills();
  REQUIRE(refills.size() == 1);
  CHECK_FALSE(refills[0].after.has_value());
  ready.insert("q", "a", task(1));       // committed behind the read
  ready.insert("q", "a", task(2));       // committed before it: in the answer too
  ready.remove("q", "a", task(3));       // in the answer, gone since
  CHECK(house.take_all(ready).empty());  // nothing is known yet
  ready.refilled(refills[0], {task(2), task(3), task(4)});
  CHECK(house.take_all(ready) == Keys{1, 2, 4});
}

TEST_CASE("ready queue: too many changes during a refill: it is read again") {
  House house;
  ReadyQueue ready({4, 4, 2});
  ready.add_lane_on_disk("q", "a");
  auto refills = ready.take_refills();
  for (int i = 1; i <= 3; ++i) ready.insert("q", "a", task(i));
  ready.refilled(refills[0], {});
  CHECK(house.take_all(ready).empty());
  refills = ready.take_refills();
  REQUIRE(refills.size() == 1);
  ready.refilled(refills[0], {task(1), task(2), task(3)});
  CHECK(house.take_all(ready) == Keys{1, 2, 3});
}

TEST_CASE("ready queue: a refill from behind a horizon that has moved is read again") {
  House house;
  ReadyQueue ready({3, 3, 100});
  for (int i = 10; i < 16; ++i) ready.insert("q", "a", task(i));
  REQUIRE(ready.take(house.capacity)->task.key == api::TaskKey(10));  // knows 11 and 12, horizon 12
  auto refills = ready.take_refills();
  REQUIRE(refills.size() == 1);
  ready.insert("q", "a", task(1));
  ready.insert("q", "a", task(2));  // 1, 2, 11: 12 has fallen out
  ready.refilled(refills[0], {task(13)});
  CHECK(house.take_all(ready) == Keys{1, 2, 11});
  refills = ready.take_refills();
  REQUIRE(refills.size() == 1);
  CHECK(refills[0].after->key == api::TaskKey(11));
}

TEST_CASE("ready queue: nobody overtakes what is still on disk, but whoever is better goes") {
  House house;
  house.types.set_queue("q", {100});
  ReadyQueue ready({2, 1, 100});
  for (int i = 10; i < 14; ++i) ready.insert("q", "a", task(i, 5));
  CHECK(house.take_all(ready) == Keys{10, 11});  // the next of `a` is on disk, behind 11
  const auto refills = ready.take_refills();
  REQUIRE(refills.size() == 1);
  ready.insert("q", "b", task(1, 0));
  CHECK(house.take_all(ready).empty());  // priority 0 waits for what has 5
  ready.insert("q", "b", task(2, 9));
  CHECK(house.take_all(ready) == Keys{2});
  house.capacity.release("q", *house.types.find("b"));
  ready.refilled(refills[0], {task(12, 5), task(13, 5)});
  CHECK(house.take_all(ready) == Keys{12, 13});  // the lane may hold more: full answer
  const auto more = ready.take_refills();
  REQUIRE(more.size() == 1);
  ready.refilled(more[0], {});
  CHECK(house.take_all(ready) == Keys{1});
}

TEST_CASE("ready queue: a lane that has not been read at all may hold anything") {
  House house;
  ReadyQueue ready;
  ready.add_lane_on_disk("q", "a");
  ready.insert("q", "b", task(1, 100));
  ready.insert("r", "a", task(2, 0));
  CHECK(house.take_all(ready) == Keys{2});  // other queues go on
  const auto refills = ready.take_refills();
  REQUIRE(refills.size() == 1);
  ready.refill_failed(refills[0]);
  CHECK(house.take_all(ready).empty());
  const auto again = ready.take_refills();
  REQUIRE(again.size() == 1);
  ready.refilled(again[0], {task(7, 50)});
  CHECK(house.take_all(ready) == Keys{1, 7});
}

TEST_CASE("ready queue: what became of a claim") {
  House house;
  ReadyQueue ready;
  const auto take = [&] { return ready.take(house.capacity)->task.key.get(); };
  using Answer = ReadyQueue::Answer;

  ready.insert("q", "a", task(1));
  CHECK(take() == 1);
  CHECK(ready.type_of_taken(api::TaskKey(1)));
  ready.settle(api::TaskKey(1), Answer::not_queued);  // gone for a reason we never saw
  CHECK(ready.size() == 0);

  ready.insert("q", "a", task(2));
  CHECK(take() == 2);
  ready.settle(api::TaskKey(2), Answer::failed);  // the claim never happened
  CHECK(take() == 2);
  ready.remove("q", "a", task(2));
  ready.settle(api::TaskKey(2), Answer::failed);  // cancelled meanwhile
  CHECK(ready.size() == 0);

  ready.insert("q", "a", task(3, 1));
  CHECK(take() == 3);
  ready.remove("q", "a", task(3, 1));
  ready.insert("q", "a", task(3, 1, 70));  // cancelled, then opened again behind our claim
  ready.settle(api::TaskKey(3), Answer::not_queued);
  CHECK(ready.size() == 1);
  CHECK(take() == 3);
  ready.remove("q", "a", task(3, 1, 70));
  ready.settle(api::TaskKey(3), Answer::claimed);
  CHECK(ready.size() == 0);
  CHECK(ready.lane_count() == 0);
}

TEST_CASE("ready queue: how many are ahead") {
  House house;
  ReadyQueue ready({2'000, 1'000, 100});
  for (int i = 0; i < 600; ++i) ready.insert("q", "a", task(i, 5));
  for (int i = 600; i < 900; ++i) ready.insert("q", "b", task(i, 0));
  auto ahead = ready.count_ahead("q", task(0, 5), house.capacity, 1'000);
  CHECK(ahead.count == 0);
  CHECK(ahead.exact);
  ahead = ready.count_ahead("q", task(700, 0), house.capacity, 1'000);
  CHECK(ahead.count == 700);
  CHECK(ahead.exact);
  CHECK(ready.count_ahead("other", task(700, 0), house.capacity, 1'000).count == 0);

  for (int i = 1'000; i < 4'000; ++i) ready.insert("q", "a", task(i, 3));
  ahead = ready.count_ahead("q", task(700, 0), house.capacity, 1'000);
  CHECK(ahead.count == 1'000);
  CHECK_FALSE(ahead.exact);
}
