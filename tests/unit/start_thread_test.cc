#include "base/start_thread.h"

#include <doctest/doctest.h>
#include <pthread.h>

#include <array>
#include <cstddef>

#include "base/thread_pool.h"

using namespace longhaul::base;

namespace {

// While it lives no thread can be made: each would want a stack larger than the address space.
class NoMoreThreads {
 public:
  NoMoreThreads() {
    REQUIRE(pthread_getattr_default_np(&before_) == 0);
    pthread_attr_t huge;
    REQUIRE(pthread_getattr_default_np(&huge) == 0);
    REQUIRE(pthread_attr_setstacksize(&huge, std::size_t{1} << 47) == 0);
    REQUIRE(pthread_setattr_default_np(&huge) == 0);
    pthread_attr_destroy(&huge);
  }
  ~NoMoreThreads() {
    CHECK(pthread_setattr_default_np(&before_) == 0);
    pthread_attr_destroy(&before_);
  }
  NoMoreThreads(const NoMoreThreads&) = delete;
  NoMoreThreads& operator=(const NoMoreThreads&) = delete;

 private:
  pthread_attr_t before_{};
};

}  // namespace

TEST_CASE("a thread runs under its name") {
  std::array<char, 16> name{};
  auto thread = start_thread("a name that is too long",
                             [&] { pthread_getname_np(pthread_self(), name.data(), name.size()); });
  REQUIRE(thread.ok());
  thread->join();
  CHECK(std::string(name.data()) == "a name that is ");
}

TEST_CASE("with no thread left there is an error that says what to do") {
  const NoMoreThreads none;
  bool ran = false;
  const auto thread = start_thread("worker", [&] { ran = true; });
  REQUIRE_FALSE(thread.ok());
  CHECK(thread.error().message.find("'worker'") != std::string::npos);
  CHECK(thread.error().message.find("ulimit -u") != std::string::npos);
  CHECK_FALSE(ran);
}

TEST_CASE("a pool that gets no threads does not start, and holds nothing") {
  ThreadPool pool({.name = "test", .threads = 2, .max_waiting = 10});
  {
    const NoMoreThreads none;
    CHECK_FALSE(pool.start().ok());
  }
  CHECK_FALSE(pool.try_post([] {}));
  CHECK(pool.start().ok());
  pool.stop();
}
