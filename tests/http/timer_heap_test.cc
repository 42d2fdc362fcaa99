// Timers in the order of their time, cancelled ones gone for good.
#include "server/http/timer_heap.h"

#include <algorithm>
#include <ostream>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/seed.h"

using namespace longhaul;
using server::TimerHeap;

namespace {

base::BootTime at(std::int64_t ns) { return base::BootTime(base::Nanoseconds(ns)); }

void run_due(TimerHeap& heap, std::int64_t now) {
  while (const auto work = heap.take_due(at(now))) work();
}

}  // namespace

TEST_CASE("timers run in order, and not before their time") {
  TimerHeap heap;
  std::vector<int> ran;
  CHECK_FALSE(heap.next());
  for (const int time : {5, 1, 3, 3, 2}) heap.add(at(time), [&ran, time] { ran.push_back(time); });
  CHECK(heap.next() == at(1));
  run_due(heap, 0);
  CHECK(ran.empty());
  run_due(heap, 3);
  CHECK(ran == std::vector<int>{1, 2, 3, 3});
  CHECK(heap.next() == at(5));
  run_due(heap, 100);
  CHECK(ran.size() == 5);
  CHECK(heap.size() == 0);
}

TEST_CASE("timers of one time run in the order in which they came") {
  TimerHeap heap;
  std::vector<int> ran;
  for (int i = 0; i < 50; ++i) heap.add(at(7), [&ran, i] { ran.push_back(i); });
  run_due(heap, 7);
  CHECK(ran.size() == 50);
  CHECK(std::is_sorted(ran.begin(), ran.end()));
}

TEST_CASE("a cancelled timer is gone at once, and its id means nothing any more") {
  TimerHeap heap;
  bool second_ran = false;
  const auto first = heap.add(at(1), [] { FAIL("was cancelled"); });
  heap.cancel(first);
  CHECK(heap.size() == 0);
  const auto second = heap.add(at(1), [&second_ran] { second_ran = true; });  // takes the same place
  CHECK(second != first);
  heap.cancel(first);
  heap.cancel(0);
  heap.cancel(123456);
  CHECK(heap.size() == 1);
  run_due(heap, 1);
  CHECK(second_ran);
  heap.cancel(second);
}

TEST_CASE("random timers, some cancelled, against a sorted list") {
  const auto seed = static_cast<unsigned>(tests::test_seed());
  CAPTURE(seed);
  std::mt19937 random(seed);
  TimerHeap heap;
  std::vector<int> ran;
  std::vector<int> expected;
  std::vector<std::pair<TimerHeap::Id, int>> waiting;
  for (int i = 0; i < 5000; ++i) {
    const auto time = static_cast<int>(random() % 1000);
    waiting.emplace_back(heap.add(at(time), [&ran, time] { ran.push_back(time); }), time);
    if (random() % 3 != 0) continue;
    const std::size_t victim = random() % waiting.size();
    heap.cancel(waiting[victim].first);
    waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(victim));
  }
  expected.reserve(waiting.size());
  for (const auto& timer : waiting) expected.push_back(timer.second);
  std::sort(expected.begin(), expected.end());
  CHECK(heap.size() == expected.size());
  run_due(heap, 1000);
  CHECK(ran == expected);
}
