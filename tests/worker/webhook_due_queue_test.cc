#include <doctest/doctest.h>

#include <algorithm>
#include <initializer_list>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/support/seed.h"
#include "tests/worker/naive_outbox.h"
#include "worker/webhooks/due_queue.h"

using namespace longhaul;
using api::DeliveryKey;
using base::SteadyTime;
using tests::at;
using tests::limits_of;
using tests::NaiveOutbox;
using tests::owed;
using tests::take;
using worker::webhooks::DueQueue;

TEST_CASE("due queue: what is due first goes first, and nothing before it is due") {
  DueQueue queue({});
  queue.read({}, true, at(0));
  CHECK_FALSE(queue.next_due());
  CHECK_FALSE(queue.next_reading());
  queue.add(owed(1, 30));
  queue.add(owed(2, 10));
  queue.add(owed(3, 10));
  queue.add(owed(2, 20));  // it is here already
  CHECK(queue.next_due() == at(10));
  CHECK_FALSE(take(queue, at(9)));
  CHECK(take(queue, at(10)) == DeliveryKey(2));
  CHECK(take(queue, at(10)) == DeliveryKey(3));
  CHECK_FALSE(take(queue, at(29)));
  CHECK(take(queue, at(30)) == DeliveryKey(1));
  CHECK(queue.under_way() == 3);
  queue.add(owed(2, 5));  // under way
  CHECK_FALSE(take(queue, at(100)));
  queue.put_off(DeliveryKey(2), at(50));
  queue.settle(DeliveryKey(1));
  queue.settle(DeliveryKey(3));
  CHECK(queue.next_due() == at(50));
  CHECK(take(queue, at(50)) == DeliveryKey(2));
  queue.settle(DeliveryKey(2));
  CHECK_FALSE(queue.next_due());
  CHECK(queue.under_way() == 0);
}

TEST_CASE("due queue: an origin has so many under way, all together so many, and the least busy goes first") {
  DueQueue queue(limits_of(5, 2, 100, 100));
  for (int i = 1; i <= 5; ++i) queue.add(owed(i, 0, "slow"));
  CHECK(take(queue, at(1)) == DeliveryKey(1));
  CHECK(take(queue, at(1)) == DeliveryKey(2));
  CHECK_FALSE(take(queue, at(1)));
  CHECK_FALSE(queue.next_due());  // not before one of them has ended
  for (int i = 11; i <= 13; ++i) queue.add(owed(i, 1, "b"));
  queue.add(owed(21, 1, "c"));
  CHECK(take(queue, at(1)) == DeliveryKey(11));
  CHECK(take(queue, at(1)) == DeliveryKey(21));  // nothing of it is under way
  CHECK_FALSE(take(queue, at(1)));               // the last place is for who has none
  CHECK_FALSE(queue.next_due());
  queue.add(owed(31, 1, "d"));
  CHECK(queue.next_due() == at(1));
  CHECK(take(queue, at(1)) == DeliveryKey(31));
  queue.add(owed(41, 1, "e"));
  CHECK_FALSE(take(queue, at(1)));  // five
  CHECK_FALSE(queue.next_due());
  queue.settle(DeliveryKey(1));
  CHECK(take(queue, at(1)) == DeliveryKey(41));
  queue.settle(DeliveryKey(21));
  queue.settle(DeliveryKey(31));
  CHECK_FALSE(queue.take(at(1)));  // two places are for who has none
  queue.settle(DeliveryKey(41));
  CHECK(queue.next_due() == at(0));
  CHECK(take(queue, at(1)) == DeliveryKey(3));
}

TEST_CASE("due queue: many origins that never answer leave places for others") {
  DueQueue queue({});
  std::int64_t key = 0;
  for (int origin = 0; origin < 100; ++origin) {
    for (int i = 0; i < 20; ++i) queue.add(owed(++key, i, "silent " + std::to_string(origin)));
  }
  while (take(queue, at(100))) continue;
  CHECK(queue.under_way() == 120);
  CHECK_FALSE(queue.next_due());
  for (int i = 0; i < 10; ++i) queue.add(owed(++key, 50, "quick"));
  for (int i = 0; i < 10; ++i) {
    CHECK(queue.next_due() == at(50));
    const auto quick = take(queue, at(100));
    REQUIRE(quick.has_value());
    CHECK_FALSE(take(queue, at(100)));  // one at a time
    queue.settle(*quick);
  }
}

TEST_CASE("due queue: an origin that is owed much fills neither memory nor the way of others") {
  DueQueue queue(limits_of(10, 2, 100, 20));
  NaiveOutbox outbox(queue);
  outbox.read_what_is_wanted(at(0), 10);
  for (int i = 1; i <= 1'000; ++i) outbox.add(owed(i, i, "silent"));
  CHECK(queue.next_reading() == std::nullopt);  // no room for what was left
  CHECK(take(queue, at(2'000)) == DeliveryKey(1));
  CHECK(take(queue, at(2'000)) == DeliveryKey(2));
  outbox.add(owed(2'000, 1'500, "quick"));
  CHECK(take(queue, at(2'000)) == DeliveryKey(2'000));
  // The silent one speaks: all of it comes, in order, however little of it is kept.
  outbox.settle(DeliveryKey(1));
  outbox.settle(DeliveryKey(2));
  for (int i = 3; i <= 1'000; ++i) {
    outbox.read_what_is_wanted(at(2'000), 10);
    const auto key = take(queue, at(2'000));
    REQUIRE(key == DeliveryKey(i));
    outbox.settle(*key);
  }
  outbox.settle(DeliveryKey(2'000));
  outbox.read_what_is_wanted(at(2'000), 10);
  CHECK_FALSE(queue.next_reading());
  CHECK_FALSE(queue.next_due());
}

TEST_CASE("due queue: more origins than there is room for") {
  DueQueue queue(limits_of(10, 2, 50, 20));
  NaiveOutbox outbox(queue);
  outbox.read_what_is_wanted(at(0), 10);
  for (int i = 1; i <= 500; ++i) outbox.add(owed(i, i, "origin " + std::to_string(i)));
  std::set<DeliveryKey> taken;
  while (outbox.size() > 0) {
    outbox.read_what_is_wanted(at(1'000), 10);
    const auto key = take(queue, at(1'000));
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
  REQUIRE(take(queue, at(0)) == DeliveryKey(1));
  queue.read_all_again();
  CHECK(queue.next_reading() == SteadyTime::min());
  queue.read({owed(1, 0), owed(2, 0), owed(3, 99)}, true, at(0));
  CHECK_FALSE(queue.next_reading());
  CHECK(take(queue, at(0)) == DeliveryKey(2));
  CHECK_FALSE(take(queue, at(0)));
  CHECK(queue.next_due() == at(99));
}

TEST_CASE("due queue: whatever happens, everything owed is sent, once at a time, and no limit is passed") {
  const auto seed = tests::test_seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const auto below = [&random](std::uint64_t limit) { return static_cast<std::int64_t>(random() % limit); };
  for (int round = 0; round < 20; ++round) {
    const DueQueue::Limits limits =
        limits_of(static_cast<std::size_t>(1 + below(8)), static_cast<std::size_t>(1 + below(3)),
                  static_cast<std::size_t>(20 + below(60)), static_cast<std::size_t>(4 + below(30)));
    DueQueue queue(limits);
    NaiveOutbox outbox(queue);
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
      while (const auto key = take(queue, at(now))) {
        REQUIRE(under_way.insert(*key).second);
        REQUIRE(outbox.due_of(*key) <= at(now));
        REQUIRE(under_way.size() <= limits.under_way);
        const auto same = std::count_if(under_way.begin(), under_way.end(), [&](DeliveryKey other) {
          return outbox.origin_of(other) == outbox.origin_of(*key);
        });
        REQUIRE(static_cast<std::size_t>(same) <= limits.under_way_by_endpoint);
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
      while (const auto key = take(queue, at(now))) under_way.insert(*key);
      REQUIRE((outbox.size() == 0 || step < 50 || !under_way.empty() || queue.next_due() ||
               queue.next_reading()));
    }
  }
}

TEST_CASE("due queue: what is due on disk does not wait behind retries that fill memory") {
  DueQueue queue(limits_of(10, 2, 100, 20));
  NaiveOutbox outbox(queue);
  for (int i = 1; i <= 200; ++i) outbox.add(owed(i, 0, "down"));
  outbox.read_what_is_wanted(at(0), 10);
  // Everything fails, and is tried again much later.
  std::set<DeliveryKey> tried;
  for (int i = 1; i <= 200; ++i) {
    outbox.read_what_is_wanted(at(0), 10);
    const auto key = take(queue, at(0));
    REQUIRE(key.has_value());
    CHECK(tried.insert(*key).second);
    outbox.put_off(*key, at(1'000'000 + i));
  }
  CHECK_FALSE(take(queue, at(0)));
  // The retries too are found in order.
  for (int i = 1; i <= 200; ++i) {
    outbox.read_what_is_wanted(at(1'000'000 + i), 10);
    const auto key = take(queue, at(1'000'000 + i));
    REQUIRE(key.has_value());
    outbox.settle(*key);
  }
  CHECK(outbox.size() == 0);
}

TEST_CASE("due queue: what more origins are owed than there is room for does not wait behind their retries") {
  DueQueue queue(limits_of(10, 2, 200, 20));
  NaiveOutbox outbox(queue);
  outbox.read_what_is_wanted(at(0), 10);
  for (int i = 1; i <= 1'000; ++i) outbox.add(owed(i, 0, "down " + std::to_string(i)));
  for (int i = 1; i <= 1'000; ++i) {
    outbox.read_what_is_wanted(at(0), 10);
    const auto key = take(queue, at(0));
    REQUIRE(key.has_value());
    outbox.put_off(*key, at(1'000'000));
  }
  outbox.add(owed(2'000, 0, "quick"));
  outbox.read_what_is_wanted(at(0), 10);
  CHECK(take(queue, at(0)) == DeliveryKey(2'000));
  CHECK(outbox.pages() < 3'000);
  outbox.read_what_is_wanted(at(0), 10);
  CHECK(queue.next_reading() != at(0));
}

TEST_CASE(
    "due queue: what a reading leaves far behind the page that ends it does not hide what lies between") {
  DueQueue queue(limits_of(1, 1, 40, 4));
  queue.read({}, true, at(0));
  for (int i = 1; i <= 10; ++i) queue.add(owed(i, i, "a"));  // 1 to 4 are kept
  for (int i = 1; i <= 3; ++i) {
    REQUIRE(take(queue, at(100)) == DeliveryKey(i));
    queue.settle(DeliveryKey(i));
  }
  REQUIRE(queue.next_reading() == at(5));
  queue.read({owed(100, 4, "b")}, false, at(100));
  // Between two pages memory is filled up with what is due much later.
  for (int i = 0; i < 4; ++i) queue.add(owed(200 + i, 1'000 + i, "a"));
  queue.read({owed(5, 5, "a")}, false, at(100));
  for (const int key : {4, 100, 5}) {
    REQUIRE(take(queue, at(100)) == DeliveryKey(key));
    queue.settle(DeliveryKey(key));
  }
  REQUIRE(queue.next_reading().has_value());
  CHECK(*queue.next_reading() <= at(6));
}

TEST_CASE("due queue: a reading goes no further than there is room") {
  DueQueue queue(limits_of(1, 1, 100, 8));
  queue.read({}, true, at(0));
  for (int i = 1; i <= 100; ++i) queue.add(owed(i, i));  // 1 to 8 are kept
  CHECK_FALSE(queue.next_reading());
  for (int i = 1; i <= 7; ++i) {
    REQUIRE(take(queue, at(200)) == DeliveryKey(i));
    queue.settle(DeliveryKey(i));
  }
  REQUIRE(queue.next_reading() == at(9));
  queue.read({owed(8, 8), owed(9, 9), owed(10, 10), owed(11, 11), owed(12, 12)}, false, at(200));
  CHECK_FALSE(queue.next_reading());
  for (int i = 8; i <= 12; ++i) {
    REQUIRE(take(queue, at(200)) == DeliveryKey(i));
    queue.settle(DeliveryKey(i));
  }
  CHECK(queue.next_reading() == at(12));  // there may be more of that time
}

TEST_CASE("due queue: what is owed again while it is under way waits once more when that is over") {
  DueQueue queue({});
  queue.read({}, true, at(0));
  for (int i = 1; i <= 4; ++i) {
    queue.add(owed(i, 0));
    REQUIRE(take(queue, at(0)) == DeliveryKey(i));
  }
  queue.add(owed(1, 7));
  queue.release(DeliveryKey(2));
  queue.add(owed(2, 6));  // not recorded yet
  queue.add(owed(3, 8));
  queue.read({owed(4, 0)}, true, at(5));  // what the disk says of it is from before
  queue.settle(DeliveryKey(1));
  queue.put_off(DeliveryKey(2), at(1'000));
  queue.put_off(DeliveryKey(3), at(3));
  queue.settle(DeliveryKey(4));
  for (const int key : {3, 2, 1}) {
    REQUIRE(take(queue, at(10)) == DeliveryKey(key));
    queue.settle(DeliveryKey(key));
  }
  CHECK_FALSE(queue.next_due());
}

TEST_CASE("due queue: what is likely to be next is that which waits behind what is under way") {
  DueQueue queue(limits_of(10, 2, 100, 100));
  queue.read({}, true, at(0));
  for (int i = 1; i <= 6; ++i) queue.add(owed(i, i, "a"));
  for (int i = 11; i <= 13; ++i) queue.add(owed(i, 0, "b"));
  queue.add(owed(20, 0, "c"));
  std::vector<DeliveryKey> taken;
  while (const auto key = take(queue, at(5))) taken.push_back(*key);
  REQUIRE(taken.size() == 5);  // two, two and one
  const auto keys = [](std::initializer_list<int> numbers) {
    std::vector<DeliveryKey> of_numbers;
    for (const int number : numbers) of_numbers.emplace_back(number);
    return of_numbers;
  };
  const auto behind = [&](const std::vector<DeliveryKey>& some, std::size_t of_one,
                          std::size_t of_all = 100) {
    auto found = queue.next_behind(some, at(5), of_one, of_all);
    std::ranges::sort(found);
    return found;
  };
  CHECK(behind(taken, 10) ==
        keys({3, 4, 5, 13}));  // each once, though two of its lane are under way; 6 is not due
  CHECK(behind(taken, 2) == keys({3, 4, 13}));
  CHECK(behind(taken, 10, 3) == keys({3, 13}));  // one of each of three
  CHECK(behind(taken, 10, 2).empty());
  CHECK(behind(taken, 0).empty());
  CHECK(behind({DeliveryKey(20)}, 10).empty());
  CHECK(behind({DeliveryKey(11)}, 10) == keys({13}));
  // It is the next indeed.
  queue.settle(DeliveryKey(1));
  CHECK(take(queue, at(5)) == DeliveryKey(3));
}

TEST_CASE("due queue: nothing is next while a circuit is open") {
  DueQueue queue(limits_of(10, 2, 100, 100));
  queue.read({}, true, at(0));
  for (int i = 1; i <= 20; ++i) queue.add(owed(i, 0, "a"));
  for (int i = 1; i <= 5; ++i) {
    REQUIRE(take(queue, at(0)) == DeliveryKey(i));
    CHECK_FALSE(queue.next_behind({DeliveryKey(i)}, at(0), 10, 10).empty());
    queue.judge(DeliveryKey(i), {worker::webhooks::EndpointSign::fails, std::nullopt}, at(0), 0);
    if (i < 5) queue.put_off(DeliveryKey(i), at(1'000'000));
  }
  CHECK(queue.next_behind({DeliveryKey(5)}, at(0), 10, 10).empty());
}
