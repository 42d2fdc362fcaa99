#include "base/thread_pool.h"

#include <atomic>
#include <barrier>
#include <future>
#include <ostream>
#include <set>

#include <doctest/doctest.h>

using namespace longhaul::base;

TEST_CASE("work runs, on the pool's own threads") {
  ThreadPool pool({.name = "test", .threads = 2, .max_waiting = 10});
  REQUIRE(pool.start().ok());
  std::promise<std::thread::id> where;
  REQUIRE(pool.try_post([&] { where.set_value(std::this_thread::get_id()); }));
  CHECK(where.get_future().get() != std::this_thread::get_id());
  pool.stop();
}

TEST_CASE("as many at once as there are threads") {
  constexpr int threads = 4;
  ThreadPool pool({.name = "test", .threads = threads, .max_waiting = 10});
  REQUIRE(pool.start().ok());
  std::barrier all_here(threads + 1);  // passed only when every thread is at work
  for (int i = 0; i < threads; ++i) REQUIRE(pool.try_post([&] { all_here.arrive_and_wait(); }));
  all_here.arrive_and_wait();
  pool.stop();
}

TEST_CASE("the queue is bounded") {
  ThreadPool pool({.name = "test", .threads = 1, .max_waiting = 2});
  REQUIRE(pool.start().ok());
  std::promise<void> busy;
  std::promise<void> go;
  auto may_go = go.get_future();
  std::atomic<int> done = 0;
  REQUIRE(pool.try_post([&] {
    busy.set_value();
    may_go.wait();
    ++done;
  }));
  busy.get_future().wait();
  CHECK(pool.try_post([&] { ++done; }));
  CHECK(pool.try_post([&] { ++done; }));
  CHECK_FALSE(pool.try_post([&] { ++done; }));
  go.set_value();
  pool.stop();
  CHECK(done == 3);
}

TEST_CASE("what was taken is run before stop returns; afterwards nothing is taken") {
  ThreadPool pool({.name = "test", .threads = 3, .max_waiting = 1000});
  CHECK_FALSE(pool.try_post([] {}));  // not started yet
  REQUIRE(pool.start().ok());
  std::atomic<int> done = 0;
  for (int i = 0; i < 1000; ++i) REQUIRE(pool.try_post([&] { ++done; }));
  pool.stop();
  CHECK(done == 1000);
  CHECK_FALSE(pool.try_post([&] { ++done; }));
  pool.stop();
  CHECK(done == 1000);
}

TEST_CASE("work from many threads at once, and work that posts work") {
  ThreadPool pool({.name = "test", .threads = 4, .max_waiting = 100'000});
  REQUIRE(pool.start().ok());
  std::atomic<int> done = 0;
  std::atomic<int> taken = 0;
  {
    std::vector<std::jthread> posters;
    for (int t = 0; t < 4; ++t) {
      posters.emplace_back([&] {
        for (int i = 0; i < 500; ++i) {
          const bool posted = pool.try_post([&] {
            ++done;
            if (pool.try_post([&] { ++done; })) ++taken;
          });
          taken += posted ? 1 : 0;
        }
      });
    }
  }
  pool.stop();
  CHECK(done == taken);
  CHECK(done >= 2000);
}
