#include "server/streams/event_hub.h"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/manual_loop.h"

namespace longhaul::server {
namespace {

api::TaskId id_of(int number) {
  return api::TaskId::make(std::chrono::milliseconds(1000), 0, static_cast<std::uint64_t>(number));
}

std::shared_ptr<api::TaskSnapshot> snapshot(int number, std::int64_t revision,
                                            api::TaskState state = api::TaskState::running) {
  auto task = std::make_shared<api::TaskSnapshot>();
  task->key = api::TaskKey(number);
  task->id = id_of(number);
  task->type = number % 2 == 0 ? "even" : "odd";
  task->revision = revision;
  task->state = state;
  return task;
}

std::shared_ptr<api::TaskSnapshot> with_progress(int number, std::int64_t revision, int at) {
  auto task = snapshot(number, revision);
  task->progress = api::Progress{1.0, "", api::WallTime(std::chrono::milliseconds(at))};
  return task;
}

struct Recorder final : EventSink {
  void on_event(Publication& publication) override {
    seen.push_back(std::to_string(publication.event()->task->key.get()) + "." +
                   std::to_string(publication.event()->task->revision) +
                   (publication.event()->kind == EventKind::progress ? "p" : ""));
    ids.push_back(publication.id());
    ++texts_asked;
    last_text =
        publication.text(Publication::Form::event_stream, [](Publication& made) { return made.status(); });
  }
  void on_slice_end() override { ++slices; }
  void on_lost() override { lost = true; }
  std::vector<std::string> seen;
  std::vector<EventId> ids;
  SharedText last_text;
  int texts_asked = 0;
  int slices = 0;
  bool lost = false;
};

struct Fixture {
  ManualLoop loop;
  EventHub hub{loop, [](const api::TaskSnapshot&) { return std::nullopt; }, 100, 100};

  void commit(const std::vector<api::TaskSnapshotPtr>& tasks) {
    std::vector<storage::TaskChange> changes;
    for (const auto& task : tasks) changes.push_back({std::nullopt, task});
    hub.on_committed(changes);
  }
  void note(const api::TaskSnapshotPtr& task) {
    const std::vector<storage::NotedTask> noted{{task, true, 0}};
    hub.on_noted(noted);
  }
  void turn() {
    while (loop.turn() > 0) {
    }
  }
};

using Seen = std::vector<std::string>;

api::TaskFilter of_type(const std::string& type) {
  api::TaskFilter filter;
  filter.type = type;
  return filter;
}

}  // namespace

TEST_CASE("event hub: each subscriber is told what it asked for, in order, from then on") {
  Fixture fixture;
  Recorder one;
  Recorder even;
  fixture.commit({snapshot(1, 1), snapshot(2, 1)});
  CHECK(fixture.loop.turn() == 0);  // nobody asks: the loop is left alone
  const auto first = fixture.hub.subscribe(id_of(1), std::nullopt, &one);
  CHECK_FALSE(first.is_resumed);
  CHECK(first.missed.empty());
  fixture.hub.subscribe(of_type("even"), std::nullopt, &even);
  fixture.commit({snapshot(1, 2), snapshot(2, 2), snapshot(3, 1)});
  fixture.commit({snapshot(4, 1), snapshot(1, 3)});
  CHECK(one.seen.empty());  // only on the loop's thread
  fixture.turn();
  CHECK(one.seen == Seen{"1.2", "1.3"});
  CHECK(even.seen == Seen{"2.2", "4.1"});
  CHECK(one.slices > 0);
  fixture.hub.unsubscribe(first.number);
  fixture.commit({snapshot(1, 4)});
  fixture.turn();
  CHECK(one.seen.size() == 2);
  CHECK(fixture.hub.watched_tasks() == 0);
}

TEST_CASE("event hub: what was posted before a subscription is not told behind it") {
  Fixture fixture;
  Recorder early;
  Recorder late;
  fixture.hub.subscribe(id_of(1), std::nullopt, &early);
  fixture.commit({snapshot(1, 1)});
  fixture.hub.subscribe(id_of(1), std::nullopt, &late);
  fixture.turn();
  CHECK(early.seen == Seen{"1.1"});
  CHECK(late.seen.empty());
}

TEST_CASE("event hub: who comes back gets what was missed, and no more than that") {
  Fixture fixture;
  Recorder sink;
  const auto subscribed = fixture.hub.subscribe(id_of(1), std::nullopt, &sink);
  fixture.commit({snapshot(1, 1)});
  fixture.turn();
  REQUIRE(sink.ids.size() == 1);
  fixture.hub.unsubscribe(subscribed.number);
  fixture.commit({snapshot(1, 2), snapshot(2, 1), snapshot(1, 3)});

  Recorder again;
  const auto resumed = fixture.hub.subscribe(id_of(1), sink.ids[0], &again);
  CHECK(resumed.is_resumed);
  REQUIRE(resumed.missed.size() == 2);
  CHECK(resumed.missed[0]->task->revision == 2);
  CHECK(resumed.missed[1]->task->revision == 3);
  fixture.commit({snapshot(1, 4)});
  fixture.turn();
  CHECK(again.seen == Seen{"1.4"});

  // Another server's id, one from the future, and one from before what is kept.
  EventId stranger = sink.ids[0];
  ++stranger.epoch;
  CHECK_FALSE(fixture.hub.subscribe(id_of(1), stranger, &again).is_resumed);
  EventId future = sink.ids[0];
  future.number += 1000;
  CHECK_FALSE(fixture.hub.subscribe(id_of(1), future, &again).is_resumed);
  for (int i = 0; i < 101; ++i) fixture.commit({snapshot(9, i + 1)});
  CHECK_FALSE(fixture.hub.subscribe(id_of(1), sink.ids[0], &again).is_resumed);
}

TEST_CASE("event hub: the place at the edge of what is kept is still good") {
  Fixture fixture;
  Recorder sink;
  const EventId before = fixture.hub.place();
  for (int i = 0; i < 100; ++i) fixture.commit({snapshot(1, i + 1)});
  CHECK(fixture.hub.subscribe(id_of(1), before, &sink).missed.size() == 100);
  fixture.commit({snapshot(1, 101)});
  CHECK_FALSE(fixture.hub.subscribe(id_of(1), before, &sink).is_resumed);
}

TEST_CASE("event hub: progress is told once: not behind the change that has it") {
  Fixture fixture;
  Recorder sink;
  fixture.hub.subscribe(id_of(1), std::nullopt, &sink);
  fixture.note(with_progress(1, 2, 5));
  // One commit: progress, then the end of the attempt. The note is told of behind the change, with its snapshot.
  auto final = with_progress(1, 3, 6);
  final->state = api::TaskState::succeeded;
  fixture.commit({final});
  fixture.note(final);
  // One commit: a claim, then progress.
  const auto claimed = snapshot(1, 4);
  fixture.commit({claimed});
  fixture.note(with_progress(1, 4, 7));
  fixture.turn();
  CHECK(sink.seen == Seen{"1.2p", "1.3", "1.4", "1.4p"});
}

TEST_CASE("event hub: texts are made once for all who are told") {
  Fixture fixture;
  std::vector<Recorder> sinks(5);
  for (Recorder& sink : sinks) fixture.hub.subscribe(id_of(1), std::nullopt, &sink);
  fixture.commit({snapshot(1, 1)});
  fixture.turn();
  for (const Recorder& sink : sinks) CHECK(sink.last_text == sinks[0].last_text);
}

TEST_CASE(
    "event hub: a loop that cannot keep up lets go of those who follow everything, and of nobody else") {
  Fixture fixture;
  Recorder follower;
  Recorder watcher;
  fixture.hub.subscribe(api::TaskFilter{}, std::nullopt, &follower);
  fixture.hub.subscribe(id_of(1), std::nullopt, &watcher);
  std::vector<api::TaskSnapshotPtr> burst;
  for (int i = 0; i < 150; ++i) burst.push_back(snapshot(2, i + 1));
  burst.push_back(snapshot(1, 1));
  fixture.commit(burst);
  fixture.turn();
  CHECK(follower.lost);
  CHECK(follower.seen.empty());
  CHECK_FALSE(watcher.lost);
  CHECK(watcher.seen == Seen{"1.1"});
}

TEST_CASE("event hub: those who wait for one answer are told before those who stream") {
  struct Waiting final : EventSink {
    explicit Waiting(std::vector<std::string>& of) : order(of) {}
    void on_event(Publication&) override { order.emplace_back("waiter"); }
    void on_lost() override {}
    [[nodiscard]] bool goes_first() const override { return true; }
    std::vector<std::string>& order;
  };
  struct Streaming final : EventSink {
    explicit Streaming(std::vector<std::string>& of) : order(of) {}
    void on_event(Publication&) override { order.emplace_back("stream"); }
    void on_lost() override {}
    std::vector<std::string>& order;
  };
  Fixture fixture;
  std::vector<std::string> order;
  Streaming follower(order);
  Streaming watcher(order);
  Waiting waiter(order);
  fixture.hub.subscribe(api::TaskFilter{}, std::nullopt, &follower);
  fixture.hub.subscribe(id_of(2), std::nullopt, &watcher);
  fixture.hub.subscribe(id_of(2), std::nullopt, &waiter);
  fixture.commit({snapshot(1, 1), snapshot(2, 1)});
  fixture.turn();
  CHECK(order == std::vector<std::string>{"waiter", "stream", "stream", "stream"});
}

TEST_CASE("event hub: commits that race with subscriptions are told once, in order, or were missed before") {
  Fixture fixture;
  fixture.hub.set_max_events(10'000);  // enough for whoever comes back
  EventId place = fixture.hub.place();
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (int i = 1; i <= 3'000; ++i) fixture.commit({snapshot(1, i)});
    done = true;
  });
  // Comes and goes, and always names the last it has seen.
  std::int64_t last = 0;
  bool ended = false;
  while (!ended) {
    ended = done;
    Recorder sink;
    const auto subscribed = fixture.hub.subscribe(id_of(1), place, &sink);
    REQUIRE(subscribed.is_resumed);
    for (const EventPtr& event : subscribed.missed) {
      REQUIRE(event->task->revision == last + 1);
      last = event->task->revision;
      place = fixture.hub.id_at(event->number, last);
    }
    fixture.loop.turn();
    for (std::size_t i = 0; i < sink.seen.size(); ++i) {
      REQUIRE(sink.ids[i].revision == last + 1);
      last = sink.ids[i].revision;
      place = sink.ids[i];
    }
    fixture.hub.unsubscribe(subscribed.number);
  }
  writer.join();
  CHECK(last == 3'000);
}

TEST_CASE("event ids: text there and back, and nothing else") {
  const EventId id{0xA1B2C3D4, 12'345'678'901, 7};
  CHECK(to_text(id) == "a1b2c3d4-12345678901-7");
  CHECK(parse_event_id(to_text(id)) == id);
  CHECK(parse_event_id("0-0-0") == EventId{});
  for (const char* const wrong :
       {"", "-", "--", "1-2", "1-2-", "1--3", "-2-3", "g-1-1", "1-2-3-4", "1-2--3", "123456789-1-1",
        "1-99999999999999999999999-1", " 1-1-1", "1-1-1 ", "+1-1-1"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_event_id(wrong).has_value());
  }
}

}  // namespace longhaul::server
