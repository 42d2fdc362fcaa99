// The ready queue against a naive store: random changes, claims and refills are committed in random batches
// and told in commit order, late. Whatever happens, no task is lost, none is handed out twice, no limit is
// exceeded, and once everything has been told the order is exactly the store's. Types come, go and change their
// limits meanwhile.
#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/support/seed.h"
#include "tests/worker/borrowed_type.h"
#include "worker/ready_queue.h"

using namespace longhaul;
using storage::ReadyOrder;
using storage::ReadyTask;
using worker::Capacity;
using worker::ReadyQueue;
using worker::TaskKind;
using worker::TaskType;
using worker::TaskTypes;

namespace {

struct Place {
  std::string queue;
  std::string type;
  ReadyTask task;
};

class World {
 public:
  explicit World(std::uint64_t seed)
      : random_(seed),
        types_(make_types()),
        capacity_(tests::borrowed(types_)),
        ready_({pick(1, 12), pick(1, 6), pick(0, 6)}) {
    capacity_.set_places(TaskKind::builtin, 7);
    start_with_tasks_on_disk();
  }

  void step() {
    switch (pick(0, 10)) {
      case 0:
      case 1:
      case 2: ask_for_new_task(); break;
      case 3: ask_for_cancel(); break;
      case 4: ask_for_retry(); break;
      case 5: commit(); break;
      case 6: hear(); break;
      case 7: turn(); break;
      case 8: finish_one(); break;
      case 9: ask_about_position(); break;
      case 10: change_types(); break;
    }
  }

  // Until nothing is on its way any more.
  void settle() {
    while (!asked_.empty() || !committed_.empty() || order_refills() > 0) {
      while (!asked_.empty()) commit();
      while (!committed_.empty()) hear();
    }
  }

  // With everything told and all slots free, each task must come in the store's own order.
  void drain_in_order() {
    fails_ = 0;
    capacity_.set_types(tests::borrowed(types_));
    settle();
    while (!running_.empty()) finish_one();
    for (;;) {
      settle();
      const auto taken = ready_.take(capacity_);
      if (!taken) break;
      const Place* best = best_of_queue(taken->queue);
      REQUIRE(best != nullptr);
      REQUIRE(best->task.key == taken->task.key);
      queued_.erase(taken->task.key);
      ready_.remove(taken->queue, taken->type->name, taken->task);
      ready_.settle(taken->task.key, ReadyQueue::Answer::claimed);
    }
    REQUIRE(queued_.empty());
    REQUIRE(ready_.size() == 0);
    REQUIRE(ready_.lane_count() == 0);
    REQUIRE(capacity_.held_by_type("free") == 0);
  }

 private:
  static TaskTypes make_types() {
    TaskTypes types;
    for (const auto& [name, limit] : {std::pair{"one", 1}, {"three", 3}, {"free", 0}}) {
      TaskType type;
      type.name = name;
      type.kind = TaskKind::builtin;
      if (limit > 0) type.concurrency = limit;
      types.add(type);
    }
    types.set_queue("p", {2});
    types.set_queue("q", {5});
    return types;
  }

  std::size_t pick(std::size_t from, std::size_t to) {
    return std::uniform_int_distribution<std::size_t>(from, to)(random_);
  }

  Place new_place() {
    static constexpr const char* queues[] = {"p", "q"};
    static constexpr const char* names[] = {"one", "three", "free"};
    Place place;
    place.queue = queues[pick(0, 1)];
    place.type = names[pick(0, 2)];
    place.task = {api::TaskKey(++last_key_), static_cast<int>(pick(0, 2)), some_time()};
    return place;
  }
  base::WallTime some_time() { return base::WallTime(base::Milliseconds(pick(0, 50))); }

  void start_with_tasks_on_disk() {
    std::set<std::pair<std::string, std::string>> lanes;
    for (std::size_t i = pick(0, 40); i > 0; --i) {
      const Place place = new_place();
      queued_[place.task.key] = place;
      lanes.insert({place.queue, place.type});
    }
    for (const auto& [queue, type] : lanes) ready_.add_lane_on_disk(queue, type);
  }

  // ---- what is asked of the store; each runs when it is committed, and may leave an answer
  using Telling = std::function<void()>;

  void ask_for_new_task() {
    asked_.push_back([this, place = new_place()] { become_queued(place); });
  }
  void ask_for_cancel() {
    asked_.push_back([this] {
      if (queued_.empty()) return;
      leave_queue(
          std::next(queued_.begin(), static_cast<std::ptrdiff_t>(pick(0, queued_.size() - 1)))->second);
    });
  }
  // A task that has ended is opened again, under the key it had.
  void ask_for_retry() {
    asked_.push_back([this] {
      if (ended_.empty()) return;
      Place place = ended_.back();
      ended_.pop_back();
      if (pick(0, 1) == 0) place.task.run_at = some_time();
      become_queued(place);
    });
  }
  void become_queued(const Place& place) {
    queued_[place.task.key] = place;
    changes_.push_back([this, place] { ready_.insert(place.queue, place.type, place.task); });
  }
  void leave_queue(const Place& gone) {
    const Place place = gone;
    queued_.erase(place.task.key);
    ended_.push_back(place);
    changes_.push_back([this, place] { ready_.remove(place.queue, place.type, place.task); });
  }

  void claim(const ReadyQueue::Taken& taken) {
    const auto found = queued_.find(taken.task.key);
    if (found == queued_.end()) {
      answers_.push_back([this, taken] { give_up(taken, ReadyQueue::Answer::not_queued); });
      return;
    }
    const Place place = found->second;
    queued_.erase(found);
    changes_.push_back([this, place] { ready_.remove(place.queue, place.type, place.task); });
    answers_.push_back([this, place, taken] {
      ready_.settle(place.task.key, ReadyQueue::Answer::claimed);
      REQUIRE(running_.emplace(place.task.key, place).second);  // nobody runs twice
    });
  }
  void give_up(const ReadyQueue::Taken& taken, ReadyQueue::Answer answer) {
    capacity_.release(taken.queue, *taken.type);
    ready_.settle(taken.task.key, answer);
  }

  void load(const ReadyOrder& order) {
    std::vector<ReadyTask> loaded;
    for (const auto& [key, place] : queued_) {
      if (place.queue != order.queue || place.type != order.type) continue;
      if (!order.after || worker::claimed_before(*order.after, place.task)) loaded.push_back(place.task);
    }
    std::sort(loaded.begin(), loaded.end(), worker::claimed_before);
    if (loaded.size() > order.limit) loaded.resize(order.limit);
    answers_.push_back([this, order, loaded] { ready_.refilled(order, loaded); });
  }

  // ---- time goes by
  // One transaction: a few of what was asked, their changes, then their answers.
  void commit() {
    for (std::size_t count = pick(1, 4); count > 0 && !asked_.empty(); --count) {
      asked_.front()();
      asked_.pop_front();
    }
    for (auto* told : {&changes_, &answers_}) {
      committed_.insert(committed_.end(), told->begin(), told->end());
      told->clear();
    }
  }
  void hear() {
    for (std::size_t count = pick(1, 8); count > 0 && !committed_.empty(); --count) {
      const Telling telling = std::move(committed_.front());
      committed_.pop_front();
      telling();
    }
  }

  std::size_t order_refills() {
    const auto orders = ready_.take_refills();
    for (const ReadyOrder& order : orders) {
      if (pick(0, 99) < fails_) {
        asked_.push_back(
            [this, order] { answers_.push_back([this, order] { ready_.refill_failed(order); }); });
      } else {
        asked_.push_back([this, order] { load(order); });
      }
    }
    return orders.size();
  }

  void turn() {
    order_refills();
    for (std::size_t count = pick(1, 5); count > 0; --count) {
      const auto taken = ready_.take(capacity_);
      if (!taken) return;
      capacity_.reserve(taken->queue, *taken->type);
      check_limits(*taken);
      if (pick(0, 99) < fails_) {
        asked_.push_back([this, it = *taken] {
          answers_.push_back([this, it] { give_up(it, ReadyQueue::Answer::failed); });
        });
      } else {
        asked_.push_back([this, it = *taken] { claim(it); });
      }
    }
  }

  // Of those in force: less than held already is allowed, but nothing is taken then.
  void check_limits(const ReadyQueue::Taken& taken) const {
    REQUIRE(served_.contains(taken.type->name));
    REQUIRE(capacity_.held_by_type(taken.type->name) <= served_.at(taken.type->name));
    REQUIRE(capacity_.held_by_queue(taken.queue) <= capacity_.queue_limit(taken.queue));
  }

  // Each of the types may go, come back, or have another limit.
  void change_types() {
    auto types = std::make_shared<TaskTypes>();
    served_.clear();
    for (const auto& [name, type] : types_.all()) {
      if (pick(0, 3) == 0) continue;
      TaskType changed = *type;
      changed.concurrency = static_cast<int>(pick(1, 5));
      served_[name] = *changed.concurrency;
      types->add(std::move(changed));
    }
    for (const char* queue : {"p", "q"}) types->set_queue(queue, {static_cast<int>(pick(1, 6))});
    capacity_.set_types(std::move(types));
  }

  void finish_one() {
    if (running_.empty()) return;
    const auto place = running_.extract(running_.begin()).mapped();
    capacity_.release(place.queue, *types_.find(place.type));
    if (pick(0, 1) == 0) ended_.push_back(place);
  }

  // With everything told, an exact number is the exact number, and any other is too small.
  void ask_about_position() {
    if (!asked_.empty() || !committed_.empty() || queued_.empty()) return;
    const Place& mine =
        std::next(queued_.begin(), static_cast<std::ptrdiff_t>(pick(0, queued_.size() - 1)))->second;
    std::size_t truth = 0;
    for (const auto& [key, place] : queued_) {
      if (place.queue == mine.queue && served_.contains(place.type) &&
          worker::claimed_before(place.task, mine.task)) {
        ++truth;
      }
    }
    const auto ahead = ready_.count_ahead(mine.queue, mine.task, capacity_, 1'000);
    if (ahead.exact) {
      REQUIRE(ahead.count == truth);
    } else {
      REQUIRE(ahead.count <= truth);
    }
  }

  [[nodiscard]] const Place* best_of_queue(const std::string& queue) const {
    const Place* best = nullptr;
    for (const auto& [key, place] : queued_) {
      if (place.queue != queue) continue;
      if (best == nullptr || worker::claimed_before(place.task, best->task)) best = &place;
    }
    return best;
  }

  std::mt19937_64 random_;
  TaskTypes types_;
  Capacity capacity_;
  std::map<std::string, int> served_{{"one", 1}, {"three", 3}, {"free", 1'000}};  // with their limits
  ReadyQueue ready_;
  std::size_t fails_ = 10;  // of a hundred claims and refills
  std::int64_t last_key_ = 0;

  std::map<api::TaskKey, Place> queued_;  // the store's truth
  std::map<api::TaskKey, Place> running_;
  std::vector<Place> ended_;
  std::deque<std::function<void()>> asked_;
  std::vector<Telling> changes_;  // of the transaction under way
  std::vector<Telling> answers_;
  std::deque<Telling> committed_;  // not yet told
};

}  // namespace

TEST_CASE("ready queue: agrees with a naive store under random changes, claims and refills") {
  const auto seed = tests::test_seed();
  MESSAGE("seed ", seed);
  std::mt19937_64 random(seed);
  for (int run = 0; run < 1'500; ++run) {
    CAPTURE(run);
    World world(random());
    for (int i = 0; i < 400; ++i) world.step();
    world.drain_in_order();
  }
}
