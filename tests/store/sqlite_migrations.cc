// Migrations: safe to repeat and to race, all or nothing, and unwilling to touch what is not theirs.
#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <future>
#include <sstream>
#include <thread>
#include <vector>

#include "storage/sqlite/migrator.h"
#include "storage/sqlite/sqlite_store.h"
#include "tests/store/engines.h"
#include "tests/support/manual_clock.h"

namespace longhaul::tests {
namespace {

using namespace storage;  // NOLINT: tests speak the store's language
using embedded::TextFile;

const base::WallTime now{std::chrono::milliseconds(1'772'366'400'000)};

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string schema_of(Connection& connection) {
  return connection.text(
             "SELECT group_concat(sql, char(10) || char(10)) FROM "
             "(SELECT sql || ';' AS sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type DESC, name)") +
         "\n";
}

std::string refusal(const std::string& path) {
  const ManualClock clock;
  SqliteOptions options;
  options.path = path;
  options.clock = &clock;
  auto opened = open_sqlite_store(options);
  REQUIRE_FALSE(opened.ok());
  return opened.error().message;
}

bool says(const std::string& message, const std::string& part) {
  return message.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("sqlite: the schema after all migrations is the one on record") {
  const TemporaryFolder folder;
  Connection connection(folder / "a.db", Connection::Mode::create, "");
  REQUIRE(migrate(connection, "a.db", embedded::migrations_sqlite(), now));
  const std::string record = LONGHAUL_SOURCE_DIR "/tests/store/schema.sql";
  // After a new migration: LONGHAUL_WRITE_SCHEMA=1 puts its outcome on record, and git shows the difference.
  if (std::getenv("LONGHAUL_WRITE_SCHEMA") != nullptr)
    std::ofstream(record, std::ios::binary) << schema_of(connection);
  CHECK(schema_of(connection) == contents(record));
}

TEST_CASE("sqlite: migrations are numbered from 1 without a gap") {
  int number = 0;
  for (const TextFile& file : embedded::migrations_sqlite()) {
    ++number;
    CHECK(std::stoi(std::string(file.name)) == number);
  }
  CHECK(number >= 1);
}

TEST_CASE("sqlite: migrating twice is migrating once") {
  const TemporaryFolder folder;
  Connection connection(folder / "a.db", Connection::Mode::create, "");
  const auto files = embedded::migrations_sqlite();
  const auto first = migrate(connection, "a.db", files, now);
  REQUIRE(first);
  CHECK(first->before == 0);
  CHECK(first->after == static_cast<int>(files.size()));
  const std::string schema = schema_of(connection);
  const auto second = migrate(connection, "a.db", files, now);
  REQUIRE(second);
  CHECK(second->before == first->after);
  CHECK(schema_of(connection) == schema);
  CHECK(connection.integer("SELECT count(*) FROM schema_migrations") ==
        static_cast<std::int64_t>(files.size()));
}

TEST_CASE("sqlite: a database of version 1 comes along with its tasks") {
  const TemporaryFolder folder;
  const std::string path = folder / "a.db";
  const ManualClock clock;
  {
    Connection connection(path, Connection::Mode::create, "");
    REQUIRE(migrate(connection, path, embedded::migrations_sqlite().first(1), now));
    connection.execute(
        "INSERT INTO tasks (id, type, queue, priority, state, revision, attempt, max_attempts, token, "
        "created_at, "
        "run_at, started_at, finished_at) VALUES "
        "(x'0195513b1c0070008000000000000001', 't', 'q', 0, 'queued', 1, 0, 3, NULL, 5, 5, NULL, NULL), "
        "(x'0195513b1c0070008000000000000002', 't', 'q', 0, 'succeeded', 3, 1, 1, 1, 5, 5, 6, 7);"
        "INSERT INTO task_inputs (seq, payload) VALUES (1, '1'), (2, '2');"
        "INSERT INTO task_results (seq, result) VALUES (2, '[1.50]');"
        "INSERT INTO attempts (seq, attempt, started_at, finished_at, outcome, worker) "
        "VALUES (2, 1, 6, 7, 'succeeded', 'local');");
  }
  SqliteOptions options;
  options.path = path;
  options.clock = &clock;
  auto store = open_sqlite_store(options);
  REQUIRE(store);
  REQUIRE((*store)->start());
  const auto tasks = (*store)->list({});
  REQUIRE(tasks.ok());
  REQUIRE(tasks->tasks.size() == 2);
  for (const auto& task : tasks->tasks) {
    CHECK(task->callback_events.empty());
    CHECK_FALSE(task->is_private);
    CHECK_FALSE(task->fills_cache);
    const auto deliveries = (*store)->outbox().deliveries_of(task->id);
    REQUIRE(deliveries.ok());
    CHECK(deliveries->value().empty());
  }
  CHECK(tasks->tasks[0]->result->text == "[1.50]");
  CHECK((*store)->outbox().callback_secret().starts_with("whsec_"));
  std::promise<StoreResult<CancelOutcome>> cancelled;
  (*store)->cancel(tasks->tasks[1]->id, "", [&](auto outcome) { cancelled.set_value(std::move(outcome)); });
  CHECK(cancelled.get_future().get()->verdict == CancelVerdict::cancelled_now);
  (*store)->stop();
}

TEST_CASE("sqlite: the outbox of version 4 comes along with its deliveries") {
  const TemporaryFolder folder;
  const std::string path = folder / "a.db";
  const ManualClock clock;
  {
    Connection connection(path, Connection::Mode::create, "");
    REQUIRE(migrate(connection, path, embedded::migrations_sqlite().first(4), now));
    connection.execute(
        "INSERT INTO tasks (id, type, queue, priority, state, revision, attempt, max_attempts, token, "
        "created_at, "
        "run_at, started_at, finished_at, callback_events) VALUES "
        "(x'0195513b1c0070008000000000000001', 't', 'q', 0, 'succeeded', 3, 1, 1, 1, 5, 5, 6, 7, 60);"
        "INSERT INTO task_inputs (seq, payload) VALUES (1, '1');"
        "INSERT INTO task_results (seq, result) VALUES (1, '1');"
        "INSERT INTO task_callbacks (seq, url) VALUES (1, 'https://a.example/');"
        "INSERT INTO deliveries (id, task_seq, event, url, status, attempts, due_steady, created_at, "
        "finished_at) VALUES "
        "(x'0195513b1c0070008000000000000011', 1, 'task.succeeded', 'https://a.example/', 'pending', 1, 100, "
        "7, NULL), "
        "(x'0195513b1c0070008000000000000012', 1, 'task.failed', 'https://a.example/', 'delivered', 1, NULL, "
        "7, 8), "
        "(x'0195513b1c0070008000000000000013', 1, 'task.failed', 'https://a.example/', 'exhausted', 8, NULL, "
        "7, 8), "
        "(x'0195513b1c0070008000000000000014', 1, 'task.failed', 'https://a.example/', 'exhausted', 1, NULL, "
        "7, 8);"
        "INSERT INTO delivery_bodies (seq, body) VALUES (1, '{}'), (2, '{}'), (3, '{}'), (4, '{}');"
        "INSERT INTO delivery_attempts (delivery_seq, n, started_at, duration_ms, remote_address, "
        "response_status, "
        "error, response_body) VALUES (1, 1, 7, 3, '', NULL, 'TIMED_OUT', x''), (2, 1, 7, 3, '', 204, '', "
        "x''), "
        "(3, 8, 7, 3, '', 500, 'BAD_STATUS', x''), (4, 1, 7, 3, '', 410, 'BAD_STATUS', x'');");
  }
  SqliteOptions options;
  options.path = path;
  options.clock = &clock;
  auto store = open_sqlite_store(options);
  REQUIRE(store);
  REQUIRE((*store)->start());
  const auto listed = (*store)->list({});
  REQUIRE_MESSAGE(listed.ok(), (listed.ok() ? "" : listed.error().message));
  const auto task = listed->tasks.at(0);
  const auto deliveries = (*store)->outbox().deliveries_of(task->id).value().value();
  REQUIRE(deliveries.size() == 4);
  CHECK(deliveries[0].status == api::DeliveryStatus::pending);
  CHECK(deliveries[0].last_attempt.value().error == "TIMED_OUT");
  CHECK(deliveries[1].status == api::DeliveryStatus::delivered);
  CHECK_FALSE(deliveries[1].exhausted_cause);
  CHECK(deliveries[2].exhausted_cause == api::ExhaustedCause::attempts);
  CHECK(deliveries[3].exhausted_cause == api::ExhaustedCause::gone);
  for (const auto& delivery : deliveries) {
    CHECK_FALSE(delivery.webhook);
    CHECK(delivery.task == task->id);
  }
  const auto content = (*store)->outbox().find_deliveries({api::DeliveryKey(1)}).value().at(0).value();
  CHECK(content.addressee == Addressee::callback);
  CHECK(content.attempts == 1);
  CHECK((*store)->outbox().owed_deliveries({}, 10).value().size() == 1);
  CHECK((*store)->figures().owed_deliveries == 1);
  (*store)->stop();
}

TEST_CASE("sqlite: connections that migrate at once do not disturb each other") {
  const TemporaryFolder folder;
  const std::string path = folder / "a.db";
  Connection first(path, Connection::Mode::create, "");
  first.execute("PRAGMA journal_mode = WAL");
  std::vector<std::thread> threads;
  std::array<bool, 8> went_well{};
  for (bool& well : went_well) {
    threads.emplace_back([&path, &well] {
      Connection connection(path, Connection::Mode::create, "");
      connection.execute("PRAGMA busy_timeout = 60000");
      well = migrate(connection, path, embedded::migrations_sqlite(), now).ok();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const bool well : went_well) CHECK(well);
  CHECK(first.integer("SELECT count(*) FROM schema_migrations") ==
        static_cast<std::int64_t>(embedded::migrations_sqlite().size()));
}

TEST_CASE("sqlite: a migration that fails leaves nothing of itself") {
  const TemporaryFolder folder;
  Connection connection(folder / "a.db", Connection::Mode::create, "");
  const std::array good = {TextFile{"0001_one.sql", "CREATE TABLE one (a INTEGER) STRICT;"}};
  REQUIRE(migrate(connection, "a.db", good, now));
  const std::array bad = {good[0],
                          TextFile{"0002_two.sql", "CREATE TABLE two (a INTEGER) STRICT; CREATE NONSENSE;"}};
  CHECK_THROWS_AS(static_cast<void>(migrate(connection, "a.db", bad, now)), SqlError);
  CHECK(connection.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'two'") == 0);
  const std::array mended = {good[0], TextFile{"0002_two.sql", "CREATE TABLE two (a INTEGER) STRICT;"}};
  const auto report = migrate(connection, "a.db", mended, now);
  REQUIRE(report);
  CHECK(report->before == 1);
  CHECK(report->after == 2);
}

TEST_CASE("sqlite: a newer database is refused, with both versions and what to do") {
  const TemporaryFolder folder;
  const std::string path = folder / "a.db";
  const auto known = embedded::migrations_sqlite().size();
  {
    Connection connection(path, Connection::Mode::create, "");
    REQUIRE(migrate(connection, path, embedded::migrations_sqlite(), now));
    connection.execute("INSERT INTO schema_migrations (number, name, applied_at) VALUES (" +
                       std::to_string(known + 3) + ", 'of tomorrow', 0)");
  }
  const std::string message = refusal(path);
  CHECK(says(message, path));
  CHECK(says(message, "version " + std::to_string(known + 3)));
  CHECK(says(message, "up to " + std::to_string(known)));
  CHECK(says(message, "Run that version"));
}

TEST_CASE("sqlite: somebody else's database is refused and not touched") {
  const TemporaryFolder folder;
  const std::string path = folder / "theirs.db";
  for (const char* make : {"CREATE TABLE theirs (a)", "PRAGMA application_id = 7"}) {
    Connection(path, Connection::Mode::create, "").execute(make);
    const std::string before = contents(path);
    CHECK(says(refusal(path), "not one of longhaul's"));
    CHECK(contents(path) == before);
  }
}

TEST_CASE("sqlite: what is no database is refused and not touched") {
  const TemporaryFolder folder;
  const std::string path = folder / "letter.txt";
  const std::string text = "Dear Sir or Madam, " + std::string(2000, '.');
  std::ofstream(path) << text;
  const std::string message = refusal(path);
  CHECK(says(message, path));
  CHECK(says(message, "something else"));
  CHECK(contents(path) == text);
}

TEST_CASE("sqlite: a place without a folder is refused with advice") {
  const TemporaryFolder folder;
  const std::string message = refusal(folder / "missing/longhaul.db");
  CHECK(says(message, "missing/longhaul.db"));
}

}  // namespace longhaul::tests
