#include "server/reload.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "server/config/setting_table.h"
#include "storage/sqlite/database_lock.h"

using namespace longhaul;
using server::Settings;
using Names = std::vector<std::string>;

namespace {

worker::TaskType type_named(const std::string& name) {
  worker::TaskType type;
  type.name = name;
  type.command = {"true"};
  return type;
}

}  // namespace

TEST_CASE("reload: equal settings change nothing") {
  Settings running;
  running.types.add(type_named("a"));
  running.types.set_queue("q", {3});
  Settings next;
  next.types.add(type_named("a"));
  next.types.set_queue("q", {3});
  CHECK(taken_up(running, next).empty());
  CHECK(waiting_for_restart(running, next).empty());
}

TEST_CASE("reload: what is live is taken up, all else waits and is named") {
  Settings running;
  running.types.add(type_named("stays"));
  running.types.add(type_named("changes"));
  running.types.add(type_named("goes"));
  running.types.set_queue("q", {3});
  Settings next;
  next.types.add(type_named("stays"));
  auto changed = type_named("changes");
  changed.environment = {{"A", "1"}};
  next.types.add(changed);
  next.types.add(type_named("comes"));
  next.types.set_queue("q", {4});
  next.max_open_tasks = 7;
  next.drain = base::Milliseconds(1);
  next.keep_failed.reset();
  next.listen.port = 1;
  next.callback_secret = "whsec_other";
  next.min_free_disk_mb = 1;
  CHECK(taken_up(running, next) == Names{"server.max_open_tasks", "server.drain_seconds",
                                         "retention.failed_seconds", "tasks.changes", "tasks.goes",
                                         "tasks.comes", "queues.q"});
  CHECK(waiting_for_restart(running, next) ==
        Names{"server.listen", "storage.min_free_disk_mb", "webhooks.callback_secret"});

  const Settings now = merged(running, next);
  CHECK(now.max_open_tasks == 7);
  CHECK(now.drain == base::Milliseconds(1));
  CHECK_FALSE(now.keep_failed);
  CHECK(now.types.find("comes") != nullptr);
  CHECK(now.types.find("goes") == nullptr);
  CHECK(now.types.queue("q").concurrency == 4);
  CHECK(now.listen == running.listen);
  CHECK(now.callback_secret.empty());
  // Taken up once: looking again finds the same things waiting and nothing new.
  CHECK(taken_up(now, next).empty());
  CHECK(waiting_for_restart(now, next) == waiting_for_restart(running, next));
}

TEST_CASE("reload: a live setting takes over its own value and no other") {
  for (const auto& setting : server::server_settings()) {
    if (!setting.is_live()) continue;
    CAPTURE(std::string(setting.name));
    Settings other;
    other.max_open_tasks = 7;
    other.drain = base::Milliseconds(1);
    other.log_level = base::LogLevel::error;
    other.log_format = base::LogFormat::json;
    other.keep_succeeded.reset();
    other.keep_failed.reset();
    other.keep_cancelled.reset();
    other.keep_timed_out.reset();
    other.max_database_bytes = 1 << 30;
    other.max_cache_bytes = 0;
    other.kept_events = 100;
    Settings mine;
    setting.take_over(mine, other);
    CHECK(setting.show(mine) == setting.show(other));
    CHECK(setting.show(mine) != setting.show(Settings{}));
    CHECK(taken_up(Settings{}, mine).size() == 1);
  }
}

TEST_CASE("reload: the note goes there and back, and half a note is none") {
  const server::ReloadNote note{7, 41, false, "a.toml:3: wrong\na.toml:4: wrong too"};
  const std::string text = to_text(note);
  const auto read = server::read_reload_note(text);
  REQUIRE(read);
  CHECK(read->started == 7);
  CHECK(read->count == 41);
  CHECK_FALSE(read->taken);
  CHECK(read->text == note.text);
  CHECK(server::read_reload_note(server::to_text({7, 1, true, "fine"}))->taken);
  const std::string long_text = server::to_text({7, 1, false, std::string(100'000, 'x')});
  CHECK(long_text.size() <= storage::DatabaseLock::max_note_bytes);
  CHECK(server::read_reload_note(long_text));
  for (std::size_t size = 0; size < text.size(); ++size)
    CHECK_FALSE(server::read_reload_note(std::string_view(text).substr(0, size)));
  CHECK_FALSE(server::read_reload_note(text + "the tail of a longer one"));
  CHECK_FALSE(server::read_reload_note("reload x 1 taken 0\n"));
}
