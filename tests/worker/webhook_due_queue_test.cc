#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>

#include "tests/worker/seed.h"
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

 private:
  DueQueue& queue_;
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
  CHECK(queue.take(at(1)) == DeliveryKey(12));
  CHECK_FALSE(queue.take(at(1)));
  CHECK_FALSE(queue.next_due());
  queue.settle(DeliveryKey(1));
  CHECK(queue.next_due() == at(0));
  CHECK(queue.take(at(1)) == DeliveryKey(3));
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
