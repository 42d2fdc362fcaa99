// Lists with their filters and pages, logs, progress, counts.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/store/store_fixture.h"

namespace longhaul::tests {
namespace {

// All pages of a query, one after the other; checks that each keeps its size and that none is followed by an
// empty promise.
std::vector<TaskId> all_pages(StoreFixture& fixture, api::TaskQuery query) {
  std::vector<TaskId> ids;
  for (;;) {
    const api::TaskPage page = fixture.store().list(query).value();
    CHECK(page.tasks.size() <= query.page_size);
    for (const TaskSnapshotPtr& task : page.tasks) ids.push_back(task->id);
    if (!page.continue_after) return ids;
    CHECK(page.tasks.size() == query.page_size);
    query.older_than = page.continue_after;
  }
}

std::vector<TaskId> newest_first(std::vector<TaskId> ids) {
  std::ranges::sort(ids, std::greater<>());
  return ids;
}

api::LogLine line(const std::string& text, WallTime at = {}) { return {0, at, "stderr", text}; }

}  // namespace

TEST_CASE_TEMPLATE("lists come newest first, in pages, filtered", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  std::vector<TaskId> all;
  std::vector<TaskId> mails;
  std::vector<TaskId> slow;
  std::vector<TaskId> done;
  std::vector<TaskId> failed;
  std::vector<TaskId> blue;
  std::vector<TaskId> blue_big;
  for (int i = 0; i < 60; ++i) {
    NewTask order = fixture.order();
    if (i % 3 == 0) order.type = "mail";
    if (i % 5 == 0) order.queue = "slow";
    if (i % 4 == 0) order.tags = {{"colour", "blue"}};
    if (i % 8 == 0) order.tags.emplace_back("size", "big");
    const TaskSnapshotPtr task = fixture.add(order);
    all.push_back(task->id);
    if (i % 3 == 0) mails.push_back(task->id);
    if (i % 5 == 0) slow.push_back(task->id);
    if (i % 4 == 0) blue.push_back(task->id);
    if (i % 8 == 0) blue_big.push_back(task->id);
    if (i % 6 == 0) {
      fixture.finish(fixture.start(task), AttemptOutcome::succeeded);
      done.push_back(task->id);
    } else if (i % 7 == 0) {
      fixture.finish(fixture.start(task), AttemptOutcome::failed);
      failed.push_back(task->id);
    }
    fixture.clock.advance(1ms);
  }
  for (const std::size_t page_size : {std::size_t{1}, std::size_t{7}, std::size_t{60}, std::size_t{500}}) {
    CAPTURE(page_size);
    const auto listed = [&](const api::TaskFilter& filter) {
      return all_pages(fixture, {filter, page_size, {}});
    };
    CHECK(listed({}) == newest_first(all));
    api::TaskFilter filter;
    filter.type = "mail";
    CHECK(listed(filter) == newest_first(mails));
    filter = {};
    filter.queue = "slow";
    CHECK(listed(filter) == newest_first(slow));
    filter = {};
    filter.state = TaskState::succeeded;
    CHECK(listed(filter) == newest_first(done));
    filter.state = TaskState::failed;
    CHECK(listed(filter) == newest_first(failed));
    filter.state = TaskState::running;
    CHECK(listed(filter).empty());
    filter = {};
    filter.tags = {{"colour", "blue"}};
    CHECK(listed(filter) == newest_first(blue));
    filter.tags = {{"colour", "blue"}, {"size", "big"}};
    CHECK(listed(filter) == newest_first(blue_big));
    filter.tags = {{"size", "big"}, {"colour", "red"}};
    CHECK(listed(filter).empty());
  }
}

TEST_CASE_TEMPLATE("a list's times are exclusive at both ends", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const TaskSnapshotPtr before = fixture.add();
  fixture.clock.advance(1ms);
  const WallTime middle = fixture.clock.wall();
  const TaskSnapshotPtr at_once = fixture.add();
  const TaskSnapshotPtr same_moment = fixture.add();
  fixture.clock.advance(1ms);
  const TaskSnapshotPtr after = fixture.add();
  api::TaskQuery query;
  query.filter.created_after = middle;
  CHECK(all_pages(fixture, query) == std::vector{after->id});
  query.filter.created_after = middle - 1ms;
  query.filter.created_before = middle + 1ms;
  CHECK(all_pages(fixture, query) == newest_first({at_once->id, same_moment->id}));
  query.filter = {};
  query.filter.created_before = middle;
  CHECK(all_pages(fixture, query) == std::vector{before->id});
  query.filter.created_before = WallTime(-1h);
  CHECK(all_pages(fixture, query).empty());
}

TEST_CASE_TEMPLATE("a page with big results is cut short and goes on", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  for (int i = 0; i < 9; ++i) {
    AttemptEnd end = StoreFixture::end_of(fixture.start(fixture.add()), AttemptOutcome::succeeded);
    end.result = RawJson{'"' + std::string(1'000'000, 'r') + '"'};
    fixture.finish(end);
  }
  api::TaskQuery query;
  std::size_t listed = 0;
  std::size_t pages = 0;
  for (bool more = true; more; ++pages) {
    const api::TaskPage page = fixture.store().list(query).value();
    CHECK(page.tasks.size() <= 6);
    listed += page.tasks.size();
    more = page.continue_after.has_value();
    query.older_than = page.continue_after;
  }
  CHECK(listed == 9);
  CHECK(pages == 2);
}

TEST_CASE_TEMPLATE("a filter that finds little looks at a bounded number of tasks for a page", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  constexpr std::size_t tasks = 20'005;
  NewTask rare = fixture.order();
  rare.queue = "rare";
  fixture.add(rare);
  std::vector<Answer<EnqueueOutcome>> answers(tasks);
  for (std::size_t i = 0; i < tasks; ++i) {
    if (i % 1000 == 0) fixture.clock.advance(1ms);
    fixture.store().enqueue(fixture.order(), answers[i].done());
    if (i % 5'000 == 0) CHECK(answers[i].wait().ok());
  }
  CHECK(answers.back().wait().ok());
  api::TaskQuery query;
  query.filter.queue = "rare";
  const api::TaskPage first = fixture.store().list(query).value();
  CHECK(first.tasks.empty());
  REQUIRE(first.continue_after);
  query.older_than = first.continue_after;
  const api::TaskPage second = fixture.store().list(query).value();
  CHECK(second.tasks.size() == 1);
  CHECK_FALSE(second.continue_after);
}

TEST_CASE_TEMPLATE("log lines are numbered over all attempts and cut at the cap", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  NewTask order = fixture.order();
  order.max_attempts = 2;
  const TaskSnapshotPtr task = fixture.add(order);
  CHECK(fixture.store().find_logs(task->id, 0, 10).value().value().lines.empty());
  CHECK_FALSE(fixture.store().find_logs(fixture.next_id(), 0, 10).value().has_value());

  const TaskSnapshotPtr first = fixture.start(task);
  fixture.store().append_log(task->key, first->token, {line("one", fixture.clock.wall()), line("two")}, 20);
  fixture.store().append_log(task->key, first->token, {line("three")}, 20);
  fixture.finish(first, AttemptOutcome::failed);
  auto page = fixture.store().find_logs(task->id, 0, 10).value().value();
  REQUIRE(page.lines.size() == 3);
  CHECK(page.lines[0].n == 1);
  CHECK(page.lines[0].text == "one");
  CHECK(page.lines[0].stream == "stderr");
  CHECK(page.lines[0].at == fixture.clock.wall());
  CHECK(page.lines[2].text == "three");
  CHECK_FALSE(page.truncated);

  // 4 + 4 + 6 bytes are there: "four!" makes it 20, and then it is full.
  fixture.sweep();
  const TaskSnapshotPtr second = fixture.start(task);
  fixture.store().append_log(task->key, second->token, {line("four!")}, 20);
  fixture.finish(second, AttemptOutcome::failed);
  page = fixture.store().find_logs(task->id, 3, 10).value().value();
  REQUIRE(page.lines.size() == 1);
  CHECK(page.lines[0].n == 4);
  CHECK_FALSE(page.truncated);
  fixture.retry(task);
  const TaskSnapshotPtr third = fixture.start(task);
  fixture.store().append_log(task->key, third->token, {line(""), line("more")}, 20);
  fixture.finish(third, AttemptOutcome::succeeded);
  page = fixture.store().find_logs(task->id, 1, 2).value().value();
  REQUIRE(page.lines.size() == 2);
  CHECK(page.lines[0].n == 2);
  CHECK(page.truncated);
  CHECK(fixture.store().find_logs(task->id, 4, 10).value().value().lines.empty());
}

TEST_CASE_TEMPLATE("a flood of log lines is kept to the cap, whole lines, and marked", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const TaskSnapshotPtr running = fixture.start(fixture.add());
  constexpr std::size_t cap = 100'000;
  for (int i = 0; i < 200; ++i) {
    fixture.store().append_log(running->key, running->token, std::vector(100, line(std::string(99, 'x'))),
                               cap);
  }
  fixture.finish(running, AttemptOutcome::succeeded);
  const auto page = fixture.store().find_logs(running->id, 0, 5'000).value().value();
  CHECK(page.lines.size() == cap / 100);
  CHECK(page.truncated);
}

TEST_CASE_TEMPLATE("the newest progress is kept, without a new revision", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const TaskSnapshotPtr running = fixture.start(fixture.add());
  fixture.store().record_progress(running->key, running->token, {10.0, "begun", fixture.clock.wall()});
  fixture.store().record_progress(running->key, running->token, {62.5, "nearly", fixture.clock.wall()});
  const TaskSnapshotPtr stopping = fixture.cancel(running).task;
  fixture.store().record_progress(running->key, running->token,
                                  {std::nullopt, "stopping", fixture.clock.wall()});
  const TaskSnapshotPtr ended = fixture.finish(running, AttemptOutcome::failed).task;
  CHECK(ended->revision == stopping->revision + 1);
  CHECK_FALSE(ended->progress.value().percent);
  CHECK(ended->progress->message == "stopping");
  CHECK(fixture.find(running)->progress.value().message == "stopping");

  fixture.retry(running);
  CHECK_FALSE(fixture.start(running)->progress);
}

TEST_CASE_TEMPLATE("progress becomes visible while the attempt runs", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const TaskSnapshotPtr running = fixture.start(fixture.add());
  fixture.store().record_progress(running->key, running->token, {62.5, "nearly", fixture.clock.wall()});
  // A stop of the store writes what was noted.
  fixture.reopen();
  const TaskSnapshotPtr seen = fixture.find(running);
  CHECK(seen->progress.value().percent == 62.5);
  CHECK(seen->revision == running->revision);
}

TEST_CASE_TEMPLATE("observers hear of log lines and progress once they are committed", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  Store& store = fixture.store();
  const TaskSnapshotPtr running = fixture.start(fixture.add());
  CHECK(fixture.recorder().take_noted().empty());

  // The end of an attempt takes along what was said before it.
  store.append_log(running->key, running->token, {line("one"), line("two")}, 100);
  store.record_progress(running->key, running->token, {10.0, "begun", {}});
  store.append_log(running->key, running->token, {line("three")}, 100);
  store.record_progress(running->key, running->token, {20.0, "further", {}});
  const TaskSnapshotPtr stopping = fixture.stop_attempt(running, api::StopCause::cancel).task;
  std::vector<NotedTask> noted = fixture.recorder().take_noted();
  REQUIRE_FALSE(noted.empty());
  CHECK(noted.back().log_lines == 3);
  CHECK(std::ranges::any_of(noted, [](const NotedTask& one) { return one.has_progress; }));
  CHECK(noted.back().task->progress.value().message == "further");

  // Lines alone, progress alone, and what is dropped at the cap.
  store.append_log(running->key, running->token, {line("four")}, 22);
  fixture.reopen();
  noted = fixture.recorder().take_noted();
  REQUIRE(noted.size() == 1);
  CHECK(noted[0].log_lines == 4);
  CHECK_FALSE(noted[0].has_progress);
  CHECK(noted[0].task->id == running->id);
  fixture.store().record_progress(running->key, running->token, {30.0, "last", {}});
  fixture.reopen();
  noted = fixture.recorder().take_noted();
  REQUIRE(noted.size() == 1);
  CHECK(noted[0].has_progress);
  CHECK(noted[0].log_lines == 0);
  CHECK(noted[0].task->progress.value().message == "last");
  fixture.store().append_log(running->key, running->token, {line("too much")}, 22);
  const TaskSnapshotPtr ended = fixture.finish(running, AttemptOutcome::cancelled).task;
  CHECK(fixture.recorder().take_noted().empty());

  // Of an attempt that is over: its late lines are kept, its progress is not.
  fixture.store().record_progress(running->key, running->token, {40.0, "late", {}});
  fixture.reopen();
  CHECK(fixture.recorder().take_noted().empty());
  CHECK(stopping->revision < ended->revision);
}

TEST_CASE_TEMPLATE("progress without end is written a few times a second, the latest always", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const TaskSnapshotPtr running = fixture.start(fixture.add());
  const auto begin = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  int told = 0;
  while (seconds() < 0.7) {
    for (int i = 0; i < 100; ++i) {
      ++told;
      fixture.store().record_progress(running->key, running->token, {50.0, std::to_string(told), {}});
    }
  }
  const TaskSnapshotPtr ended = fixture.finish(running, AttemptOutcome::succeeded).task;
  const double took = seconds();
  CHECK(ended->progress.value().message == std::to_string(told));
  CHECK(fixture.find(running)->progress.value().message == std::to_string(told));
  const std::vector<NotedTask> noted = fixture.recorder().take_noted();
  CHECK(noted.size() > 1);
  CHECK(static_cast<double>(noted.size()) <= took * 6 + 2);
  for (const NotedTask& one : noted) CHECK(one.has_progress);
}

TEST_CASE_TEMPLATE("counts follow every change and survive a restart", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  NewTask scheduled = fixture.order();
  scheduled.due = api::Due(fixture.store().now().steady + 1h);
  scheduled.queue = "slow";
  fixture.add(scheduled);
  fixture.add();
  fixture.start(fixture.add());
  fixture.cancel(fixture.start(fixture.add()));
  fixture.finish(fixture.start(fixture.add()), AttemptOutcome::succeeded);
  fixture.finish(fixture.start(fixture.add()), AttemptOutcome::failed);
  fixture.cancel(fixture.add());
  for (int restart = 0; restart < 2; ++restart) {
    StateCounts counts = fixture.store().counts();
    for (const TaskState state :
         {TaskState::scheduled, TaskState::queued, TaskState::running, TaskState::cancelling,
          TaskState::succeeded, TaskState::failed, TaskState::cancelled}) {
      CHECK(counts.by_state[state] == 1);
    }
    CHECK(counts.by_state[TaskState::timed_out] == 0);
    CHECK(counts.by_queue.size() == 2);
    CHECK(counts.by_queue["slow"][TaskState::scheduled] == 1);
    CHECK(counts.by_queue["default"][TaskState::queued] == 1);
    CHECK(counts.by_queue["default"][TaskState::running] == 1);
    CHECK(counts.by_queue["default"][TaskState::cancelling] == 1);
    CHECK_FALSE(counts.by_queue["default"].contains(TaskState::failed));
    fixture.reopen();
  }
}

}  // namespace longhaul::tests
