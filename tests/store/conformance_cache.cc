// Results kept for starts to come: which one is found, until when, and how much is kept.
#include <doctest/doctest.h>

#include <string>

#include "api/json_reader.h"
#include "tests/store/store_fixture.h"

namespace longhaul::tests {
namespace {

constexpr std::int64_t mebibyte = 1024 * 1024;

NewTask with_cache(StoreFixture& fixture, const std::string& key, Milliseconds fresh, Milliseconds stale) {
  NewTask order = fixture.order();
  order.cache = api::CacheTerms{key, fresh, stale};
  return order;
}

TaskSnapshotPtr run(StoreFixture& fixture, NewTask order, const std::string& result) {
  const EnqueueOutcome started = fixture.enqueue(std::move(order));
  REQUIRE(started.verdict == EnqueueVerdict::created);
  AttemptEnd end = StoreFixture::end_of(fixture.start(started.task), AttemptOutcome::succeeded);
  end.result = RawJson{result};
  return fixture.finish(end).task;
}

// A result of this size, kept for an hour.
TaskSnapshotPtr keep(StoreFixture& fixture, const std::string& key, std::int64_t bytes) {
  return run(fixture, with_cache(fixture, key, 0s, 1h),
             '"' + std::string(static_cast<std::size_t>(bytes - 2), 'x') + '"');
}

CachedResultPtr find(StoreFixture& fixture, const std::string& key, const std::string& type = "work") {
  auto found = fixture.store().result_cache().find_result(type, key);
  REQUIRE(found.ok());
  return *found;
}

std::string member(const CachedResultPtr& kept, const std::string& name) {
  for (const auto& [key, value] : api::members_of(kept->status)) {
    if (key == name) return value.text;
  }
  return "";
}

PurgeOutcome purge(StoreFixture& fixture) {
  PurgeOutcome all;
  std::optional<PurgePosition> position;
  do {
    Answer<PurgeOutcome> answer;
    fixture.store().retention().purge({{}, position}, answer.done());
    const PurgeOutcome slice = answer.wait().value();
    all.results += slice.results;
    all.next_expiry = slice.next_expiry;
    position = slice.position;
  } while (position);
  return all;
}

}  // namespace

TEST_CASE_TEMPLATE("a fresh result is answered with, as its task was when it succeeded", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const TaskSnapshotPtr made = run(fixture, with_cache(fixture, "k", 10s, 60s), R"({"n":1.50})");
  static_cast<void>(fixture.recorder().take());
  fixture.clock.advance(9'999ms);
  const EnqueueOutcome hit = fixture.enqueue(with_cache(fixture, "k", 10s, 60s));
  CHECK(hit.verdict == EnqueueVerdict::cached);
  CHECK_FALSE(hit.task);
  REQUIRE(hit.cached);
  CHECK(hit.cached->age == 9'999ms);
  CHECK(member(hit.cached, "result") == R"({"n":1.50})");
  CHECK(member(hit.cached, "cache") == "true");
  CHECK(member(hit.cached, "cached_at") == member(hit.cached, "finished_at"));
  CHECK(member(hit.cached, "task_id") == '"' + made->id.text() + '"');
  CHECK(member(hit.cached, "status") == "\"succeeded\"");
  CHECK(fixture.recorder().take().empty());

  fixture.clock.advance(1ms);
  CHECK(fixture.enqueue(with_cache(fixture, "k", 10s, 60s)).verdict == EnqueueVerdict::created);
  CHECK(fixture.enqueue(with_cache(fixture, "k", 11s, 60s)).verdict == EnqueueVerdict::cached);
  CHECK(fixture.enqueue(fixture.order()).verdict == EnqueueVerdict::created);
}

TEST_CASE_TEMPLATE("kept results belong to type and key, and only successes are kept", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  run(fixture, fixture.order(), "1");
  CHECK_FALSE(find(fixture, "k"));
  const TaskSnapshotPtr failed = fixture.start(fixture.add(with_cache(fixture, "k", 10s, 10s)));
  fixture.finish(failed, AttemptOutcome::failed);
  const TaskSnapshotPtr cancelled = fixture.start(fixture.add(with_cache(fixture, "k", 10s, 10s)));
  fixture.cancel(cancelled);
  fixture.finish(cancelled, AttemptOutcome::succeeded);  // too late: a result is kept out
  CHECK_FALSE(find(fixture, "k"));

  run(fixture, with_cache(fixture, "k", 10s, 10s), "1");
  CHECK(find(fixture, "k"));
  CHECK_FALSE(find(fixture, "K"));
  CHECK_FALSE(find(fixture, "k", "other"));
  run(fixture, with_cache(fixture, "none", 0s, 0s), "1");
  CHECK_FALSE(find(fixture, "none"));
}

TEST_CASE_TEMPLATE("the youngest result counts, over all queues", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  NewTask elsewhere = with_cache(fixture, "k", 0s, 5s);
  elsewhere.queue = "elsewhere";
  run(fixture, with_cache(fixture, "k", 0s, 1h), "1");
  fixture.clock.advance(1s);
  run(fixture, elsewhere, "2");
  CHECK(member(find(fixture, "k"), "result") == "2");
  CHECK(find(fixture, "k")->age == 0ms);
  fixture.clock.advance(5s);
  CHECK(member(find(fixture, "k"), "result") == "1");
  CHECK(find(fixture, "k")->age == 6s);
  run(fixture, with_cache(fixture, "k", 0s, 1h), "3");
  CHECK(member(find(fixture, "k"), "result") == "3");
}

TEST_CASE_TEMPLATE("a kept result stays as long as its task said, or a later start that says more", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  run(fixture, with_cache(fixture, "k", 0s, 10s), "1");
  fixture.clock.advance(9s);
  CHECK(find(fixture, "k"));
  fixture.enqueue(with_cache(fixture, "k", 0s, 5s));  // says less
  fixture.clock.advance(999ms);
  CHECK(find(fixture, "k"));
  fixture.enqueue(with_cache(fixture, "k", 0s, 30s));
  fixture.clock.advance(20s);
  CHECK(find(fixture, "k")->age == 29'999ms);
  fixture.clock.advance(1ms);
  CHECK_FALSE(find(fixture, "k"));
  CHECK_MESSAGE(fixture.enqueue(with_cache(fixture, "k", 1h, 1h)).verdict == EnqueueVerdict::created,
                "gone, though its row may still be there");
}

TEST_CASE_TEMPLATE("kept results survive restarts, reboots and steps of the clock with their age", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  run(fixture, with_cache(fixture, "k", 10s, 100s), "1");
  fixture.clock.step_wall(-1h);
  fixture.clock.advance(5s);
  fixture.reopen();
  CHECK(find(fixture, "k")->age == 5s);
  CHECK(fixture.enqueue(with_cache(fixture, "k", 10s, 100s)).verdict == EnqueueVerdict::cached);
  fixture.clock.step_wall(1h);
  CHECK(find(fixture, "k")->age == 5s);
  fixture.clock.reboot(20s);
  fixture.reopen("boot-2");
  CHECK(find(fixture, "k")->age >= 20s);
  CHECK(find(fixture, "k")->age <= 60s);
}

TEST_CASE_TEMPLATE("a kept result outlives its task", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const TaskSnapshotPtr made = run(fixture, with_cache(fixture, "k", 1h, 1h), "1");
  fixture.clock.advance(10s);
  PurgeOrder order;
  order.limits.keep.fill(1s);
  Answer<PurgeOutcome> answer;
  fixture.store().retention().purge(order, answer.done());
  CHECK(answer.wait().value().tasks == 1);
  CHECK(fixture.store().find(made->id).value() == nullptr);
  CHECK(fixture.enqueue(with_cache(fixture, "k", 1h, 1h)).verdict == EnqueueVerdict::cached);
}

TEST_CASE_TEMPLATE("expired results are removed, and retention hears when the next one goes", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  for (int i = 0; i < 100; ++i) run(fixture, with_cache(fixture, "a" + std::to_string(i), 0s, 10s), "1");
  run(fixture, with_cache(fixture, "b", 0s, 20s), "1");
  const SteadyTime began = fixture.store().now().steady;
  CHECK(purge(fixture).results == 0);
  CHECK(purge(fixture).next_expiry == began + 10s);
  fixture.clock.advance(10s);
  const PurgeOutcome first = purge(fixture);
  CHECK(first.results == 100);
  CHECK(first.next_expiry == began + 20s);
  CHECK(find(fixture, "b"));
  fixture.clock.advance(10s);
  const PurgeOutcome last = purge(fixture);
  CHECK(last.results == 1);
  CHECK_FALSE(last.next_expiry);
}

TEST_CASE_TEMPLATE("the oldest results make room for a new one", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  fixture.store().result_cache().set_max_cache_bytes(4 * mebibyte);
  constexpr std::int64_t big = mebibyte - 4'096;
  for (const std::string key : {"a", "b", "c", "d"}) keep(fixture, key, big);
  CHECK(find(fixture, "a"));
  keep(fixture, "e", big);
  CHECK_FALSE(find(fixture, "a"));
  for (const std::string key : {"b", "c", "d", "e"}) CHECK(find(fixture, key));
  keep(fixture, "b", big);  // in the place of the one before: nothing else has to go
  for (const std::string key : {"b", "c", "d", "e"}) CHECK(find(fixture, key));
  keep(fixture, "f", big);
  CHECK_FALSE(find(fixture, "c"));
  CHECK(find(fixture, "b"));
  fixture.reopen();
  fixture.store().result_cache().set_max_cache_bytes(4 * mebibyte);
  keep(fixture, "g", big);
  CHECK_FALSE(find(fixture, "d"));
  CHECK(find(fixture, "e"));
}

TEST_CASE_TEMPLATE("a result that is too big is not kept, and the one before goes with it", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  keep(fixture, "k", 100);
  keep(fixture, "k", mebibyte);
  CHECK(find(fixture, "k"));
  keep(fixture, "k", mebibyte + 1);
  CHECK_MESSAGE(!find(fixture, "k"), "an earlier one would be answered with after a later success");
  fixture.store().result_cache().set_max_cache_bytes(40'000);
  keep(fixture, "quarter", 9'000);
  CHECK(find(fixture, "quarter"));
  keep(fixture, "more", 10'000);
  CHECK_FALSE(find(fixture, "more"));
  fixture.store().result_cache().set_max_cache_bytes(0);
  keep(fixture, "none", 10);
  CHECK_FALSE(find(fixture, "none"));
}

TEST_CASE_TEMPLATE("what is over a limit that was lowered goes with retention, the oldest first", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  for (int i = 0; i < 200; ++i) keep(fixture, "k" + std::to_string(i), 10'000);
  fixture.store().result_cache().set_max_cache_bytes(1'000'000);
  const std::int64_t removed = purge(fixture).results;
  CHECK(removed > 100);
  CHECK(removed < 130);
  CHECK_FALSE(find(fixture, "k" + std::to_string(removed - 1)));
  CHECK(find(fixture, "k" + std::to_string(removed)));
  CHECK(purge(fixture).results == 0);
}

}  // namespace longhaul::tests
