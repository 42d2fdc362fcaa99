// The database file: it gets smaller when tasks go, is written anew when it could not, and is copied while it is
// in use.
#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "storage/sqlite/backup.h"
#include "storage/sqlite/database_file.h"
#include "storage/sqlite/sqlite_store.h"
#include "tests/store/store_fixture.h"

namespace longhaul::tests {
namespace {

constexpr int many = 400;

struct Filled {
  Filled() {
    auto engine = std::make_unique<SqliteEngine>();
    path = engine->path();
    fixture = std::make_unique<StoreFixture>(std::move(engine));
  }
  void fill() {
    for (int i = 0; i < many; ++i) {
      NewTask order = fixture->order();
      order.payload = RawJson{'"' + std::string(20'000, 'x') + '"'};
      fixture->cancel(fixture->add(order));
    }
    fixture->clock.advance(10s);
  }
  void purge() {
    RetentionLimits limits;
    limits.keep.fill(1s);
    std::optional<PurgePosition> position;
    do {
      Answer<PurgeOutcome> answer;
      fixture->store().retention().purge({limits, position}, answer.done());
      position = answer.wait().value().position;
    } while (position);
    // Behind the answer the log is moved into the file; this is answered after that.
    fixture->add();
  }
  [[nodiscard]] std::uintmax_t bytes() const { return std::filesystem::file_size(path); }

  std::string path;
  std::unique_ptr<StoreFixture> fixture;
};

}  // namespace

TEST_CASE("sqlite: the file gives back what removed tasks took") {
  Filled filled;
  filled.fill();
  REQUIRE(filled.bytes() > 6'000'000);
  filled.purge();
  CHECK(filled.bytes() < 2'500'000);
  const DatabaseHealth health = examine_database(filled.path, true);
  CHECK(health.damage == "");
  CHECK(health.tasks == 1);
  CHECK(health.gives_space_back);
  CHECK(health.used_by.value_or("") == "process " + std::to_string(::getpid()));
}

TEST_CASE("sqlite: of a task that is removed no row stays, in any table") {
  auto owned = std::make_unique<SqliteEngine>();
  const std::string path = owned->path();
  StoreFixture fixture(std::move(owned));
  const auto log = [&](const TaskSnapshotPtr& running, std::size_t max_bytes) {
    fixture.store().append_log(running->key, running->token, {{1, fixture.clock.wall(), "stderr", "a line"}},
                               max_bytes);
  };
  fixture.add_webhook({"https://hooks.example.com/", {std::nullopt, {}, {}}, ""});
  NewTask order = fixture.order();
  order.tags = {{"customer", "17"}};
  order.callback = api::Callback{"https://example.com/done", api::WebhookEvents::final_ones()};
  order.idempotency = IdempotencyBinding{"anyone /start-task", "k", std::string(32, 'h')};
  order.unique_key = "k";
  order.cache = api::CacheTerms{"k", 0s, 1h};
  const TaskSnapshotPtr whole_log = fixture.start(fixture.add(order));
  log(whole_log, 1'000);
  fixture.finish(whole_log, AttemptOutcome::succeeded);
  for (const AttemptOutcome outcome : {AttemptOutcome::succeeded, AttemptOutcome::failed}) {
    const TaskSnapshotPtr nothing_kept = fixture.start(fixture.add());
    log(nothing_kept, 0);
    fixture.finish(nothing_kept, outcome);
  }
  const TaskSnapshotPtr twice = fixture.start(fixture.add());
  log(twice, 1'000);
  fixture.retry(fixture.finish(twice, AttemptOutcome::failed).task);
  fixture.cancel(twice);
  for (const OwedDelivery& owed : fixture.owed()) {
    DeliveryReport report;
    report.key = owed.key;
    report.status = api::DeliveryStatus::delivered;
    report.attempt.emplace().started_at = fixture.clock.wall();
    REQUIRE(fixture.record_delivery(report));
  }

  Connection database(path, Connection::Mode::read_only, "");
  std::istringstream tables(
      database.text("SELECT group_concat(name, ' ') FROM sqlite_schema WHERE type = 'table' AND name NOT IN "
                    "('boot', 'cache_size', 'schema_migrations', 'secrets', 'sqlite_sequence', 'webhooks', "
                    "'webhook_secrets')"));
  const std::vector<std::string> names{std::istream_iterator<std::string>(tables), {}};
  CHECK(names.size() >= 11);
  const auto rows = [&](const std::string& table) {
    return database.integer("SELECT count(*) FROM " + table);
  };
  for (const std::string& table : names) CHECK_MESSAGE(rows(table) > 0, table, " is not tried");
  RetentionLimits limits;
  limits.keep.fill(1s);
  for (const Milliseconds time : {Milliseconds(1s), key_stays}) {
    fixture.clock.advance(time);
    std::optional<PurgePosition> position;
    do {
      Answer<PurgeOutcome> answer;
      fixture.store().retention().purge({limits, position}, answer.done());
      position = answer.wait().value().position;
    } while (position);
  }
  for (const std::string& table : names) CHECK_MESSAGE(rows(table) == 0, table);
  CHECK(database.integer("SELECT bytes FROM cache_size") == 0);
}

TEST_CASE("sqlite: the size of the cache is that of its rows, whatever comes and goes") {
  auto owned = std::make_unique<SqliteEngine>();
  const std::string path = owned->path();
  StoreFixture fixture(std::move(owned));
  fixture.store().result_cache().set_max_cache_bytes(30'000);
  Connection database(path, Connection::Mode::read_only, "");
  for (int i = 0; i < 200; ++i) {
    NewTask order = fixture.order();
    order.cache = api::CacheTerms{"k" + std::to_string(i * 7 % 40), 0s, std::chrono::seconds(i % 3 + 1)};
    AttemptEnd end = StoreFixture::end_of(fixture.start(fixture.add(order)), AttemptOutcome::succeeded);
    end.result = RawJson{'"' + std::string(static_cast<std::size_t>(i * 37 % 9'000), 'x') + '"'};
    fixture.finish(end);
    if (i % 10 == 0) fixture.clock.advance(500ms);
    CHECK(database.integer(
              "SELECT coalesce(sum(bytes), 0) - (SELECT bytes FROM cache_size) FROM cached_results") == 0);
    CHECK(database.integer("SELECT bytes FROM cache_size") <= 30'000);
  }
  CHECK(database.integer("SELECT count(*) FROM cached_results") > 0);
}

TEST_CASE("sqlite: an older file is written anew by migrate --vacuum, and then gives back") {
  const TemporaryFolder folder;
  const ManualClock clock;
  const std::string path = folder / "old.db";
  {
    Connection connection(path, Connection::Mode::create, "");
    connection.execute("PRAGMA journal_mode = WAL");
    const auto first = embedded::migrations_sqlite().subspan(0, 1);
    REQUIRE(migrate(connection, path, first, clock.wall()));
  }
  CHECK_FALSE(examine_database(path, true).gives_space_back);
  const auto migrated = upgrade_database({path, false, &clock});
  REQUIRE(migrated);
  CHECK(migrated->schema.before == 1);
  CHECK(migrated->schema.after == examine_database(path, false).known_version);
  CHECK_FALSE(migrated->gives_space_back);
  const auto written_anew = upgrade_database({path, true, &clock});
  REQUIRE(written_anew);
  CHECK(written_anew->gives_space_back);
  const DatabaseHealth health = examine_database(path, true);
  CHECK(health.damage == "");
  CHECK(health.gives_space_back);
  CHECK_FALSE(health.used_by);
}

TEST_CASE("sqlite: a database in use is not migrated") {
  Filled filled;
  const auto refused = upgrade_database({filled.path, false, &filled.fixture->clock});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("is in use by process") != std::string::npos);
}

TEST_CASE("sqlite: a backup is of one moment, while the store goes on writing") {
  Filled filled;
  filled.fill();
  std::atomic<bool> done = false;
  std::atomic<int> added = 0;
  std::thread writer([&] {
    for (std::uint64_t i = 1; !done; ++i) {
      NewTask order;
      order.id = TaskId::make(filled.fixture->clock.wall().time_since_epoch(), 7, i);
      order.type = "work";
      order.queue = "default";
      order.payload = RawJson{"null"};
      Answer<EnqueueOutcome> answer;
      filled.fixture->store().enqueue(order, answer.done());
      if (answer.wait().ok()) ++added;
    }
  });
  filled.fixture->makes_its_own_ids = true;
  const std::string to = filled.path + ".backup";
  BackupOptions options{filled.path, to, false, {}};
  std::int64_t calls = 0;
  int seen = 0;
  options.on_progress = [&](std::int64_t, std::int64_t) {
    // Something is written between any two steps.
    for (const int before = added; added == before;) std::this_thread::yield();
    ++calls;
    seen = added;
  };
  const auto report = back_up(options);
  done = true;
  writer.join();
  REQUIRE(report);
  CHECK(calls >= 3);
  CHECK(seen >= 3);
  CHECK(report->tasks >= many);
  CHECK(report->tasks < many + seen);
  CHECK(std::filesystem::file_size(to) == static_cast<std::uintmax_t>(report->bytes));
  for (const char* suffix : {".tmp", "-wal", "-shm", "-journal", ".tmp-journal", ".tmp-wal"})
    CHECK_FALSE(std::filesystem::exists(to + suffix));
  CHECK((std::filesystem::status(to).permissions() & std::filesystem::perms::all) ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));

  const auto again = back_up(options);
  REQUIRE_FALSE(again);
  CHECK(again.error().message.find("--force") != std::string::npos);
  options.overwrite = true;
  options.on_progress = {};
  CHECK(back_up(options));
  options.to = filled.path;
  CHECK_FALSE(back_up(options));

  const ManualClock clock;
  SqliteOptions opened;
  opened.path = to;
  opened.clock = &clock;
  CHECK(open_sqlite_store(opened));
  std::filesystem::remove(to);
  std::filesystem::remove(to + ".lock");
}

TEST_CASE("sqlite: damage is found, and no backup is made of it") {
  Filled filled;
  filled.fill();
  const std::string copy = filled.path + ".copy";
  REQUIRE(back_up({filled.path, copy, false, {}}));
  {
    std::FILE* file = std::fopen(copy.c_str(), "r+b");
    REQUIRE(file != nullptr);
    std::fseek(file, 40 * 4096, SEEK_SET);
    const std::string nonsense(4096, '\x55');
    std::fwrite(nonsense.data(), 1, nonsense.size(), file);
    std::fclose(file);
  }
  CHECK(examine_database(copy, true).damage != "");
  const auto refused = back_up({copy, copy + ".2", false, {}});
  CHECK_FALSE(refused);
  CHECK_FALSE(std::filesystem::exists(copy + ".2"));
  CHECK_FALSE(std::filesystem::exists(copy + ".2.tmp"));
  std::filesystem::remove(copy);
}

}  // namespace longhaul::tests
