// 500 losses of power under load: nothing that was answered is lost, and what is left is whole.
//
// Fifty disks each go through ten such losses in a row, so that recoveries are recovered from, the log is begun
// anew and moved into the database many times, and further losses fall into the making of the schema and into the
// opening after a loss.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "base/log.h"
#include "storage/sqlite/sqlite_store.h"
#include "tests/crash/ledger.h"
#include "tests/crash/load.h"
#include "tests/support/manual_clock.h"
#include "tests/support/power_loss_disk.h"
#include "tests/support/seed.h"

namespace longhaul::tests {
namespace {

using namespace storage;  // NOLINT: tests speak the store's language

constexpr int disks = 50;
constexpr int losses_of_a_disk = 10;
constexpr int lives = 24;

class Machine {
 public:
  explicit Machine(std::uint64_t seed) : seed_(seed), random_(seed), disk_("power-loss", seed) {
    std::string name = (std::filesystem::temp_directory_path() / "longhaul-crash-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder_ = name;
  }
  ~Machine() { std::filesystem::remove_all(folder_); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  // From power on to the next loss.
  void live_once() {
    disk_.lose_power_after(1 + random_() % 1'200);
    auto opened = open_sqlite_store(options());
    if (opened.ok()) serve(**opened);
    opened = base::fail("gone");  // closes what is open
    REQUIRE_FALSE(disk_.has_power());
    disk_.power_on();
    for (const std::string& fault : ledger_.check(path(), disk_.vfs_name())) FAIL_CHECK(fault);
  }

  [[nodiscard]] const Ledger& ledger() const { return ledger_; }
  [[nodiscard]] int fatal_calls() const { return fatal_calls_; }
  [[nodiscard]] int served() const { return served_; }

 private:
  [[nodiscard]] std::string path() const { return (folder_ / "longhaul.db").string(); }

  [[nodiscard]] SqliteOptions options() {
    SqliteOptions options;
    options.path = path();
    options.vfs = disk_.vfs_name();
    options.clock = &clock_;
    options.boot_id = "boot";
    options.checkpoint_pages = 60;
    options.recent_bytes = 20'000;  // so that tasks are read back from the database too
    options.on_fatal = [this](const std::string&) {
      ++fatal_calls_;
      ledger_.close();
    };
    return options;
  }

  void serve(Store& store) {
    ++served_;
    Load load(store, ledger_, seed_ + random_(), next_id_);
    store.add_observer(&ledger_);
    store.add_observer(&load);
    REQUIRE(store.start());
    take_up_what_ran(store);
    load.begin(lives);
    // Readers hold on to old states of the log, and keep checkpoints from being whole.
    api::TaskQuery page;
    page.page_size = 5;
    std::size_t heard = 0;
    while (disk_.has_power()) {
      static_cast<void>(store.list(page));
      heard = ledger_.wait_for_more_than(heard);
    }
    store.stop();
    next_id_ = load.next_id();
  }

  // As a server does after a restart.
  static void take_up_what_ran(Store& store) {
    const auto open = store.open_attempts();
    if (!open.ok()) return;
    for (const OpenAttempt& attempt : *open) {
      AttemptEnd end;
      end.key = attempt.task->key;
      end.token = attempt.task->token;
      end.outcome = api::AttemptOutcome::lost;
      store.finish(std::move(end), [](const StoreResult<FinishOutcome>&) {});
    }
  }

  const std::uint64_t seed_;
  std::mt19937_64 random_;
  ManualClock clock_;
  std::filesystem::path folder_;
  PowerLossDisk disk_;
  Ledger ledger_;
  std::uint64_t next_id_ = 1;
  int served_ = 0;
  std::atomic<int> fatal_calls_ = 0;
};

}  // namespace

TEST_CASE("power loss: at 500 points under load nothing that was answered is lost") {
  base::set_log_level(base::LogLevel::off);  // every loss is an error, and meant to be one
  const std::uint64_t seed = test_seed();
  MESSAGE("LONGHAUL_TEST_SEED=" << seed);
  std::size_t tasks = 0;
  std::size_t finished = 0;
  std::size_t deliveries = 0;
  int served = 0;
  int in_opening = 0;
  for (int d = 0; d < disks; ++d) {
    CAPTURE(seed + static_cast<std::uint64_t>(d));
    Machine machine(seed + static_cast<std::uint64_t>(d));
    int losses = 0;
    for (; machine.served() < losses_of_a_disk; ++losses) {
      CAPTURE(losses);
      REQUIRE(losses < 10 * losses_of_a_disk);
      machine.live_once();
    }
    // Losses in the opening are an error that comes back; a fatal call may fall on one of the others.
    CHECK(machine.fatal_calls() <= losses_of_a_disk);
    in_opening += losses - machine.served();
    tasks += machine.ledger().tasks();
    finished += machine.ledger().finished();
    deliveries += machine.ledger().deliveries();
    served += machine.served();
  }
  base::set_log_level(base::LogLevel::info);
  MESSAGE(served << " losses under load, " << in_opening << " while the database was opened, " << tasks
                 << " tasks, " << finished << " finished, " << deliveries << " deliveries");
  CHECK(served == disks * losses_of_a_disk);
  CHECK(finished > 2'000);
  CHECK(deliveries > 500);
}

}  // namespace longhaul::tests
