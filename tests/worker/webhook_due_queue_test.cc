#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>

#include "tests/support/seed.h"
#include "worker/webhooks/due_queue.h"

using namespace longhaul;
using api::DeliveryKey;
using base::SteadyTime;
using storage::OwedDelivery;
using worker::webhooks::DueQueue;

namespace {

SteadyTime at(std::int64_t ms) { return SteadyTime(base::Milliseconds(ms)); }

OwedDelivery owed(std::int64_t key, std::int64_t due, const std::string& origin = "a") {
  return {DeliveryKey(key), {}, at(due), origin};
}

// What the store would answer, and what may be asked of the queue about it.
class Outbox {
 public:
  explicit Outbox(DueQueue& queue) : queue_(queue) {}

  void add(const OwedDelivery& delivery) {
    rows_[{delivery.due, delivery.key}] = delivery.origin;
    origins_[delivery.key] = delivery.origin;
    dues_[delivery.key] = delivery.due;
    queue_.add(delivery);
  }
  void settle(DeliveryKey key) {
    rows_.erase({dues_.at(key), key});
    dues_.erase(key);
    queue_.settle(key);
  }
  void put_off(DeliveryKey key, SteadyTime due) {
    rows_.erase({dues_.at(key), key});
    rows_[{due, key}] = origins_.at(key);
    dues_[key] = due;
    queue_.put_off(key, due);
  }
  // As the service does: a page whenever one is wanted.
  void read_what_is_wanted(SteadyTime now, std::size_t page_length) {
    for (int pages = 0; queue_.next_reading() && *queue_.next_reading() <= now; ++pages) {
      REQUIRE(pages < 10'000);
      ++pages_;
      auto row = rows_.begin();
      if (const auto& after = queue_.read_up_to()) row = rows_.upper_bound({after->due, after->key});
      std::vector<OwedDelivery> page;
      for (; row != rows_.end() && page.size() < page_length; ++row)
        page.push_back({row->first.second, {}, row->first.first, row->second});
      queue_.read(page, page.size() < page_length, now);
    }
  }
  [[nodiscard]] SteadyTime due_of(DeliveryKey key) const { return dues_.at(key); }
  [[nodiscard]] const std::string& origin_of(DeliveryKey key) const { return origins_.at(key); }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  [[nodiscard]] std::size_t pages() const { return pages_; }
  // By due, then by key.
  [[nodiscard]] const std::map<std::pair<SteadyTime, DeliveryKey>, std::string>& rows() const {
    return rows_;
  }

 private:
  DueQueue& queue_;
  std::size_t pages_ = 0;
  std::map<std::pair<SteadyTime, DeliveryKey>, std::string> rows_;
  std::map<DeliveryKey, SteadyTime> dues_;
  std::map<DeliveryKey, std::string> origins_;
};

}  // namespace

TEST_CASE("due queue: what is due first goes first, and nothing before it is due") {
  DueQueue queue({});
  queue.read({}, true, at(0));
  CHECK_FALSE(queue.next_due());
  CHECK_FALSE(queue.next_reading());
  queue.add(owed(1, 30));
  queue.add(owed(2, 10));
  queue.add(owed(3, 10));
  queue.add(owed(2, 5));  // it is here already
  CHECK(queue.next_due() == at(10));
  CHECK_FALSE(queue.take(at(9)));
  CHECK(queue.take(at(10)) == DeliveryKey(2));
  CHECK(queue.take(at(10)) == DeliveryKey(3));
  CHECK_FALSE(queue.take(at(29)));
  CHECK(queue.take(at(30)) == DeliveryKey(1));
  CHECK(queue.under_way() == 3);
  queue.add(owed(2, 5));  // under way
  CHECK_FALSE(queue.take(at(100)));
  queue.put_off(DeliveryKey(2), at(50));
  queue.settle(DeliveryKey(1));
  queue.settle(DeliveryKey(3));
  CHECK(queue.next_due() == at(50));
  CHECK(queue.take(at(50)) == DeliveryKey(2));
  queue.settle(DeliveryKey(2));
  CHECK_FALSE(queue.next_due());
  CHECK(queue.under_way() == 0);
}

TEST_CASE("due queue: an origin has so many under way, all together so many, and the least busy goes first") {
  DueQueue queue({5, 2, 100, 100});
  for (int i = 1; i <= 5; ++i) queue.add(owed(i, 0, "slow"));
  CHECK(queue.take(at(1)) == DeliveryKey(1));
  CHECK(queue.take(at(1)) == DeliveryKey(2));
  CHECK_FALSE(queue.take(at(1)));
  CHECK_FALSE(queue.next_due());  // not before one of them has ended
  for (int i = 11; i <= 13; ++i) queue.add(owed(i, 1, "b"));
  queue.add(owed(21, 1, "c"));
  CHECK(queue.take(at(1)) == DeliveryKey(11));
  CHECK(queue.take(at(1)) == DeliveryKey(21));  // nothing of it is under way
  CHECK_FALSE(queue.take(at(1)));               // the last place is for who has none
  CHECK_FALSE(queue.next_due());
  queue.add(owed(31, 1, "d"));
  CHECK(queue.next_due() == at(1));
  CHECK(queue.take(at(1)) == DeliveryKey(31));
  queue.add(owed(41, 1, "e"));
  CHECK_FALSE(queue.take(at(1)));  // five
  CHECK_FALSE(queue.next_due());
  queue.settle(DeliveryKey(1));
  CHECK(queue.take(at(1)) == DeliveryKey(41));
  queue.settle(DeliveryKey(21));
  queue.settle(DeliveryKey(31));
  CHECK(queue.next_due() == at(0));
  CHECK(queue.take(at(1)) == DeliveryKey(3));
}

TEST_CASE("due queue: many origins that never answer leave places for others") {
  DueQueue queue({});
  std::int64_t key = 0;
  for (int origin = 0; origin < 100; ++origin) {
    for (int i = 0; i < 20; ++i) queue.add(owed(++key, i, "silent " + std::to_string(origin)));
  }
  while (queue.take(at(100))) continue;
  CHECK(queue.under_way() == 120);
  CHECK_FALSE(queue.next_due());
  for (int i = 0; i < 10; ++i) queue.add(owed(++key, 50, "quick"));
  for (int i = 0; i < 10; ++i) {
    CHECK(queue.next_due() == at(50));
    const auto quick = queue.take(at(100));
    REQUIRE(quick.has_value());
    CHECK_FALSE(queue.take(at(100)));  // one at a time
    queue.settle(*quick);
  }
}

TEST_CASE("due queue: an origin that is owed much fills neither memory nor the way of others") {
  DueQueue queue({10, 2, 100, 20});
  Outbox outbox(queue);
  outbox.read_what_is_wanted(at(0), 10);
  for (int i = 1; i <= 1'000; ++i) outbox.add(owed(i, i, "silent"));
  CHECK(queue.next_reading() == std::nullopt);  // no room for what was left
  CHECK(queue.take(at(2'000)) == DeliveryKey(1));
  CHECK(queue.take(at(2'000)) == DeliveryKey(2));
  outbox.add(owed(2'000, 1'500, "quick"));
  CHECK(queue.take(at(2'000)) == DeliveryKey(2'000));
  // The silent one speaks: all of it comes, in order, however little of it is kept.
  outbox.settle(DeliveryKey(1));
  outbox.settle(DeliveryKey(2));
  for (int i = 3; i <= 1'000; ++i) {
    outbox.read_what_is_wanted(at(2'000), 10);
    const auto key = queue.take(at(2'000));
    REQUIRE(key == DeliveryKey(i));
    outbox.settle(*key);
  }
  outbox.settle(DeliveryKey(2'000));
  outbox.read_what_is_wanted(at(2'000), 10);
  CHECK_FALSE(queue.next_reading());
  CHECK_FALSE(queue.next_due());
}

TEST_CASE("due queue: more origins than there is room for") {
  DueQueue queue({10, 2, 50, 20});
  Outbox outbox(queue);
  outbox.read_what_is_wanted(at(0), 10);
  for (int i = 1; i <= 500; ++i) outbox.add(owed(i, i, "origin " + std::to_string(i)));
  std::set<DeliveryKey> taken;
  while (outbox.size() > 0) {
    outbox.read_what_is_wanted(at(1'000), 10);
    const auto key = queue.take(at(1'000));
    REQUIRE(key.has_value());
    CHECK(taken.insert(*key).second);
    outbox.settle(*key);
  }
  CHECK(taken.size() == 500);
}

TEST_CASE("due queue: found again after something was missed") {
  DueQueue queue({});
  queue.read({}, true, at(0));
  queue.add(owed(1, 0));
  REQUIRE(queue.take(at(0)) == DeliveryKey(1));
  queue.read_all_again();
  CHECK(queue.next_reading() == SteadyTime::min());
  queue.read({owed(1, 0), owed(2, 0), owed(3, 99)}, true, at(0));
  CHECK_FALSE(queue.next_reading());
  CHECK(queue.take(at(0)) == DeliveryKey(2));
  CHECK_FALSE(queue.take(at(0)));
  CHECK(queue.next_due() == at(99));
}

TEST_CASE("due queue: whatever happens, everything owed is sent, once at a time, and no limit is passed") {
  const auto seed = tests::test_seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const auto below = [&random](std::uint64_t limit) { return static_cast<std::int64_t>(random() % limit); };
  for (int round = 0; round < 20; ++round) {
    const DueQueue::Limits limits{
        static_cast<std::size_t>(1 + below(8)), static_cast<std::size_t>(1 + below(3)),
        static_cast<std::size_t>(20 + below(60)), static_cast<std::size_t>(4 + below(30))};
    DueQueue queue(limits);
    Outbox outbox(queue);
    const std::size_t page = static_cast<std::size_t>(1 + below(40));
    std::set<DeliveryKey> under_way;
    std::int64_t now = 0;
    std::int64_t next_key = 0;
    const auto origin = [&] { return std::to_string(below(2) == 0 ? 0 : below(40)); };
    for (int step = 0; step < 3'000; ++step) {
      now += below(3);
      if (below(3) > 0 && step < 2'000)
        outbox.add(owed(++next_key, now + (below(4) == 0 ? below(500) : 0), origin()));
      outbox.read_what_is_wanted(at(now), page);
      while (const auto key = queue.take(at(now))) {
        REQUIRE(under_way.insert(*key).second);
        REQUIRE(outbox.due_of(*key) <= at(now));
        REQUIRE(under_way.size() <= limits.under_way);
        const auto same = std::count_if(under_way.begin(), under_way.end(), [&](DeliveryKey other) {
          return outbox.origin_of(other) == outbox.origin_of(*key);
        });
        REQUIRE(static_cast<std::size_t>(same) <= limits.under_way_by_origin);
      }
      if (under_way.empty() || below(3) == 0) continue;
      const auto ended = std::next(under_way.begin(), below(under_way.size()));
      if (below(5) == 0) {
        outbox.put_off(*ended, at(now + below(300)));
      } else {
        outbox.settle(*ended);
      }
      under_way.erase(ended);
      if (below(200) == 0) queue.read_all_again();
    }
    for (int step = 0; outbox.size() > 0; ++step) {
      REQUIRE(step < 1'000'000);
      now += 50;
      for (const DeliveryKey key : under_way) outbox.settle(key);
      under_way.clear();
      outbox.read_what_is_wanted(at(now), page);
      while (const auto key = queue.take(at(now))) under_way.insert(*key);
      REQUIRE((outbox.size() == 0 || step < 50 || !under_way.empty() || queue.next_due() ||
               queue.next_reading()));
    }
  }
}

TEST_CASE("due queue: what is due on disk does not wait behind retries that fill memory") {
  DueQueue queue({10, 2, 100, 20});
  Outbox outbox(queue);
  for (int i = 1; i <= 200; ++i) outbox.add(owed(i, 0, "down"));
  outbox.read_what_is_wanted(at(0), 10);
  // Everything fails, and is tried again much later.
  std::set<DeliveryKey> tried;
  for (int i = 1; i <= 200; ++i) {
    outbox.read_what_is_wanted(at(0), 10);
    const auto key = queue.take(at(0));
    REQUIRE(key.has_value());
    CHECK(tried.insert(*key).second);
    outbox.put_off(*key, at(1'000'000 + i));
  }
  CHECK_FALSE(queue.take(at(0)));
  // The retries too are found in order.
  for (int i = 1; i <= 200; ++i) {
    outbox.read_what_is_wanted(at(1'000'000 + i), 10);
    const auto key = queue.take(at(1'000'000 + i));
    REQUIRE(key.has_value());
    outbox.settle(*key);
  }
  CHECK(outbox.size() == 0);
}

TEST_CASE("due queue: what more origins are owed than there is room for does not wait behind their retries") {
  DueQueue queue({10, 2, 200, 20});
  Outbox outbox(queue);
  outbox.read_what_is_wanted(at(0), 10);
  for (int i = 1; i <= 1'000; ++i) outbox.add(owed(i, 0, "down " + std::to_string(i)));
  for (int i = 1; i <= 1'000; ++i) {
    outbox.read_what_is_wanted(at(0), 10);
    const auto key = queue.take(at(0));
    REQUIRE(key.has_value());
    outbox.put_off(*key, at(1'000'000));
  }
  outbox.add(owed(2'000, 0, "quick"));
  outbox.read_what_is_wanted(at(0), 10);
  CHECK(queue.take(at(0)) == DeliveryKey(2'000));
  CHECK(outbox.pages() < 3'000);
  outbox.read_what_is_wanted(at(0), 10);
  CHECK(queue.next_reading() != at(0));
}

TEST_CASE("due queue: what a reading leaves behind the page that ends it does not hide what lies between") {
  DueQueue queue({1, 1, 40, 4});
  queue.read({}, true, at(0));
  for (int i = 1; i <= 10; ++i) queue.add(owed(i, i, "a"));  // 1 to 4 are kept
  for (int i = 1; i <= 3; ++i) {
    REQUIRE(queue.take(at(100)) == DeliveryKey(i));
    if (i < 3) queue.settle(DeliveryKey(i));
  }
  // While the page was read, the one under way has been put off: it is what was left, far behind the page.
  REQUIRE(queue.next_reading() == at(5));
  queue.read({owed(4, 4, "a"), owed(5, 5, "a"), owed(6, 6, "a")}, false, at(5));
  queue.add(owed(7, 7, "a"));
  queue.put_off(DeliveryKey(3), at(1'000));
  for (int i = 4; i <= 7; ++i) {
    REQUIRE(queue.take(at(100)) == DeliveryKey(i));
    queue.settle(DeliveryKey(i));
  }
  REQUIRE(queue.next_reading().has_value());
  CHECK(*queue.next_reading() <= at(8));
}

namespace {

// Random changes of an outbox and of its queue; after each step nothing that is due and might begin is left.
class Model {
 public:
  Model(std::uint64_t seed, bool has_room_for_all_origins)
      : random_(seed),
        origins_(2 + below(30)),
        page_(1 + below(40)),
        limits_{1 + below(12), 1 + below(3), 0, 2 + below(30)},
        in_order_(has_room_for_all_origins) {
    limits_.kept = in_order_ ? (origins_ + 1) * limits_.kept_by_origin + limits_.under_way
                             : 16 * limits_.under_way + 20 + below(60);
    if (!in_order_) origins_ = limits_.kept + below(100);
    queue_.emplace(limits_);
    outbox_.emplace(*queue_);
  }

  void step() {
    now_ += below(4) == 0 ? below(60) : 0;
    for (std::uint64_t count = below(in_order_ ? 8 : 60); count > 0; --count) {
      const auto later = static_cast<std::int64_t>(below(3) == 0 ? below(400) : 0);
      outbox_->add(owed(++last_key_, now() + later, std::to_string(below(below(2) == 0 ? 3 : origins_))));
    }
    begin_all();
    for (std::uint64_t count = below(6); count > 0 && !under_way_.empty(); --count) end_one();
    if (below(100) == 0) queue_->read_all_again();
    begin_all();
    check_nothing_waits();
  }

  void drain() {
    for (int steps = 0; outbox_->size() > 0; ++steps) {
      REQUIRE(steps < 100'000);
      now_ += 20;
      begin_all();
      check_nothing_waits();
      while (!under_way_.empty()) end_one();
    }
  }

 private:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  [[nodiscard]] std::int64_t now() const { return static_cast<std::int64_t>(now_); }

  void begin_all() {
    for (bool more = true; more;) {
      more = false;
      outbox_->read_what_is_wanted(at(now()), page_);
      while (const auto key = queue_->take(at(now()))) {
        more = true;
        REQUIRE(outbox_->due_of(*key) <= at(now()));
        check_order(*key);
        REQUIRE(under_way_.insert(*key).second);
        ++held_[outbox_->origin_of(*key)];
        outbox_->read_what_is_wanted(at(now()), page_);
      }
    }
  }
  void end_one() {
    const auto ended = std::next(under_way_.begin(), static_cast<std::ptrdiff_t>(below(under_way_.size())));
    --held_[outbox_->origin_of(*ended)];
    if (below(3) == 0) {
      outbox_->put_off(*ended, at(now() + static_cast<std::int64_t>(below(2) == 0 ? 5'000 : below(300))));
    } else {
      outbox_->settle(*ended);
    }
    under_way_.erase(ended);
  }

  // An origin's earliest goes first.
  void check_order(DeliveryKey key) {
    if (!in_order_) return;
    for (const auto& [place, origin] : outbox_->rows()) {
      if (place.first >= outbox_->due_of(key)) return;
      REQUIRE((origin != outbox_->origin_of(key) || under_way_.contains(place.second)));
    }
  }
  void check_nothing_waits() {
    for (const auto& [place, origin] : outbox_->rows()) {
      if (place.first > at(now())) return;
      const std::size_t held = held_[origin];
      const std::size_t kept_free = held * limits_.under_way / (2 * limits_.under_way_by_origin);
      REQUIRE((under_way_.contains(place.second) || held >= limits_.under_way_by_origin ||
               under_way_.size() + kept_free >= limits_.under_way));
    }
  }

  std::mt19937_64 random_;
  std::uint64_t origins_;
  std::size_t page_;
  DueQueue::Limits limits_;
  bool in_order_;
  std::optional<DueQueue> queue_;
  std::optional<Outbox> outbox_;
  std::set<DeliveryKey> under_way_;
  std::map<std::string, std::size_t> held_;
  std::uint64_t now_ = 0;
  std::int64_t last_key_ = 0;
};

}  // namespace

TEST_CASE("due queue: agrees with a naive outbox that nothing is later than it must be") {
  const auto seed = tests::test_seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int run = 0; run < 60; ++run) {
    CAPTURE(run);
    Model model(random(), run % 2 == 0);
    for (int i = 0; i < 200; ++i) model.step();
    model.drain();
  }
}
