#include "storage/sqlite/sqlite_store.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <atomic>
#include <cassert>
#include <limits>
#include <utility>

#include "base/log.h"
#include "storage/recent_tasks.h"
#include "storage/sqlite/cached_results.h"
#include "storage/sqlite/database.h"
#include "storage/sqlite/database_lock.h"
#include "storage/sqlite/reader_pool.h"
#include "storage/sqlite/reads.h"
#include "storage/sqlite/requests/attempt.h"
#include "storage/sqlite/requests/enqueue.h"
#include "storage/sqlite/requests/purge.h"
#include "storage/sqlite/requests/steering.h"
#include "storage/sqlite/requests/upkeep.h"
#include "storage/sqlite/sqlite_outbox.h"
#include "storage/sqlite/sqlite_webhooks.h"
#include "storage/sqlite/stored_figures.h"
#include "storage/sqlite/task_row.h"
#include "storage/sqlite/write_queue.h"
#include "storage/sqlite/writer.h"
#include "storage/task_counts.h"

namespace longhaul::storage {
namespace {

constexpr int exit_code_of_a_broken_store = 70;  // EX_SOFTWARE: whoever supervises the server starts it again

void end_process(const std::string& message) {
  base::log_error("the server ends itself", {{"error", message}});
  ::_exit(exit_code_of_a_broken_store);
}

// What a user without privileges may still write there. A file system that does not tell is not held against
// anyone.
std::uint64_t free_bytes_at(const std::string& path) {
  struct statvfs status {};
  if (::statvfs(path.c_str(), &status) != 0) return std::numeric_limits<std::uint64_t>::max();
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

std::uint64_t size_of_file(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

WriteQueueLimits limits_of(const SqliteOptions& options) {
  WriteQueueLimits limits;
  limits.waiting_starts = options.max_waiting_starts;
  limits.waiting_start_bytes = options.max_waiting_start_bytes;
  limits.batch = options.max_batch;
  limits.note_bytes = options.log_lane_bytes;
  return limits;
}

void count_tasks(Statements& statements, TaskCounts& counts) {
  std::int64_t others = 0;
  const auto add = [&](const std::string& queue, TaskState state, std::int64_t tasks) {
    counts.add(queue, state, tasks);
    others += tasks;
  };
  for (const ReadyLane& lane : read_ready_lanes(statements)) add(lane.queue, TaskState::queued, lane.queued);
  Query unqueued = statements.use("queue_and_state_of_unqueued");
  unqueued.bind();
  while (unqueued.row()) add(std::string(unqueued.text(0)), read_state(unqueued, 1), 1);
  Query failures = statements.use("count_failures");
  failures.bind();
  while (failures.row()) add({}, read_state(failures, 0), failures.integer(1));
  Query all = statements.use("count_all");
  if (all.bind().row()) counts.add({}, TaskState::succeeded, all.integer(0) - others);
}

class SqliteStore final : public Store, private Retention, private ResultCache {
 public:
  SqliteStore(const SqliteOptions& options, DatabaseLock lock, std::unique_ptr<SqlLibrary> library,
              OpenedDatabase opened)
      : clock_(*options.clock),
        path_(options.path),
        free_bytes_(options.free_bytes ? options.free_bytes
                                       : [path = options.path] { return free_bytes_at(path); }),
        lock_(std::move(lock)),
        library_(std::move(library)),
        steady_(opened.steady),
        recent_(options.recent_bytes),
        max_cache_bytes_(options.max_cache_bytes),
        queue_(limits_of(options)),
        writer_(std::move(opened.writer), *library_,
                {&queue_, &recent_, &counts_, &readers_, [this] { return now(); }, free_bytes_,
                 options.min_free_bytes, options.checkpoint_pages, &max_cache_bytes_, &meters_, options.clock,
                 options.on_fatal ? options.on_fatal : end_process}),
        readers_({options.path, options.vfs}, *library_, options.read_connections),
        outbox_({&queue_, &readers_, [this] { return now(); }, std::move(opened.callback_secret)}),
        webhooks_({&queue_, &readers_, [this] { return now(); }}) {
    count_tasks(writer_.statements(), counts_);
    meters_.owed_deliveries.add(count_owed_deliveries(writer_.statements()));
  }

  [[nodiscard]] std::string_view name() const override { return "storage"; }
  [[nodiscard]] base::Result<void> start() override {
    readers_.open();
    auto started = writer_.start();
    if (!started) readers_.close();
    return started;
  }
  void stop() override {
    // Readers first: the last connection to close is the one that may tidy the file up.
    readers_.close();
    writer_.stop();
  }
  void add_observer(StoreObserver* observer) override { writer_.add_observer(observer); }

  void enqueue(NewTask task, Done<EnqueueOutcome> done) override {
    push<EnqueueRequest>(Lane::starts, std::move(task), std::move(done));
  }
  void claim(std::vector<ClaimOrder> orders, Done<ClaimOutcome> done) override {
    push<ClaimRequest>(Lane::work, std::move(orders), std::move(done));
  }
  void record_process(TaskKey key, AttemptToken token, ProcessIdentity process) override {
    push<RecordProcessRequest>(Lane::work, key, token, std::move(process));
  }
  void append_log(TaskKey key, AttemptToken token, std::vector<api::LogLine> lines,
                  std::size_t max_bytes) override {
    queue_.add_log(key, token, std::move(lines), max_bytes);
  }
  void record_progress(TaskKey key, AttemptToken token, api::Progress progress) override {
    queue_.add_progress(key, token, std::move(progress));
  }
  void finish(AttemptEnd end, Done<FinishOutcome> done) override {
    push<FinishRequest>(Lane::work, std::move(end), std::move(done));
  }
  void stop_attempt(TaskKey key, AttemptToken token, api::StopCause cause,
                    Done<FinishOutcome> done) override {
    push<StopAttemptRequest>(Lane::work, key, token, cause, std::move(done));
  }
  void cancel(TaskId id, std::string reason, Done<CancelOutcome> done) override {
    push<CancelRequest>(Lane::control, id, std::move(reason), false, std::move(done));
  }
  void cancel_private(TaskId id, std::string reason, Done<CancelOutcome> done) override {
    push<CancelRequest>(Lane::control, id, std::move(reason), true, std::move(done));
  }
  void retry(RetryOrder order, Done<RetryOutcome> done) override {
    push<RetryRequest>(Lane::control, std::move(order), std::move(done));
  }
  void sweep(Done<SweepOutcome> done) override { push<SweepRequest>(Lane::sweeps, std::move(done)); }
  void purge(PurgeOrder order, Done<PurgeOutcome> done) override {
    push<PurgeRequest>(Lane::sweeps, order, clock_, std::move(done));
  }
  void load_ready(ReadyOrder order, Done<std::vector<ReadyTask>> done) override {
    push<LoadReadyRequest>(Lane::lookups, std::move(order), std::move(done));
  }

  [[nodiscard]] StoreResult<TaskSnapshotPtr> find(const TaskId& id) override {
    return readers_.read<TaskSnapshotPtr>([&](Statements& sql) { return read_task_by_id(sql, id); });
  }
  [[nodiscard]] StoreResult<std::optional<api::TaskDetail>> find_detail(const TaskId& id) override {
    return readers_.read<std::optional<api::TaskDetail>>(
        [&](Statements& sql) { return read_detail(sql, id); });
  }
  [[nodiscard]] StoreResult<std::optional<api::LogPage>> find_logs(const TaskId& id, std::int64_t after,
                                                                   std::size_t limit) override {
    return readers_.read<std::optional<api::LogPage>>(
        [&](Statements& sql) { return read_logs(sql, id, after, limit); });
  }
  [[nodiscard]] StoreResult<api::TaskPage> list(const api::TaskQuery& query) override {
    return readers_.read<api::TaskPage>([&](Statements& sql) { return read_page(sql, query); });
  }
  [[nodiscard]] StoreResult<std::vector<OpenAttempt>> open_attempts() override {
    return readers_.read<std::vector<OpenAttempt>>([](Statements& sql) { return read_open_attempts(sql); });
  }
  [[nodiscard]] StoreResult<std::vector<ReadyLane>> ready_lanes() override {
    return readers_.read<std::vector<ReadyLane>>([](Statements& sql) { return read_ready_lanes(sql); });
  }
  [[nodiscard]] StateCounts counts() override { return counts_.read(); }
  [[nodiscard]] QueueCounts queue_counts() override { return counts_.read_lines(); }
  [[nodiscard]] StoreFigures figures() override;
  [[nodiscard]] StoreResult<StoredFigures> stored_figures(const std::vector<std::string>& queues) override {
    return readers_.read<StoredFigures>([&](Statements& sql) { return read_stored_figures(sql, queues); });
  }
  [[nodiscard]] TaskSnapshotPtr recent(const TaskId& id) override { return recent_.find(id); }
  [[nodiscard]] Now now() const override { return {clock_.wall(), steady_now(steady_, clock_)}; }
  [[nodiscard]] Outbox& outbox() override { return outbox_; }
  [[nodiscard]] Webhooks& webhooks() override { return webhooks_; }
  [[nodiscard]] Retention& retention() override { return *this; }
  [[nodiscard]] ResultCache& result_cache() override { return *this; }

 private:
  [[nodiscard]] StoreResult<CachedResultPtr> find_result(const std::string& type,
                                                         const std::string& key) override {
    return readers_.read<CachedResultPtr>([&](Statements& sql) -> CachedResultPtr {
      const SteadyTime steady = now().steady;
      const auto row = find_cached_row(sql, type, key, steady);
      return row ? read_cached_result(sql, *row, steady) : nullptr;
    });
  }
  void set_max_cache_bytes(std::int64_t bytes) override { max_cache_bytes_ = bytes; }

  template <class Request, class... Parts>
  void push(Lane lane, Parts&&... parts) {
    queue_.push(lane, std::make_unique<Request>(std::forward<Parts>(parts)...));
  }

  const base::Clock& clock_;
  const std::string path_;
  const std::function<std::uint64_t()> free_bytes_;
  const DatabaseLock lock_;
  const std::unique_ptr<SqlLibrary> library_;
  const SteadyOffset steady_;
  RecentTasks recent_;
  std::atomic<std::int64_t> max_cache_bytes_;
  TaskCounts counts_;
  StoreMeters meters_;
  WriteQueue queue_;
  Writer writer_;
  ReaderPool readers_;
  SqliteOutbox outbox_;
  SqliteWebhooks webhooks_;
};

StoreFigures SqliteStore::figures() {
  StoreFigures figures;
  figures.commits = meters_.commits.read();
  figures.committed_requests = meters_.committed_requests.read();
  figures.failed_commits = meters_.failed_commits.read();
  figures.waiting_requests = static_cast<std::int64_t>(queue_.length());
  figures.owed_deliveries = meters_.owed_deliveries.read();
  for (std::size_t i = 0; i < figures.removed.size(); ++i) figures.removed[i] = meters_.removed[i].read();
  figures.database_bytes = size_of_file(path_);
  figures.log_bytes = size_of_file(path_ + "-wal");
  figures.free_disk_bytes = free_bytes_();
  return figures;
}

}  // namespace

base::Result<std::unique_ptr<Store>> open_sqlite_store(const SqliteOptions& options) {
  assert(options.clock != nullptr);
  const DatabasePlace place{options.path, options.vfs};
  create_private_file(place);
  auto lock = DatabaseLock::take(options.path);
  if (!lock) return base::fail(lock.error().message);
  auto library = std::make_unique<SqlLibrary>(embedded::queries_sqlite());
  const std::string boot_id = options.boot_id.empty() ? base::boot_id() : options.boot_id;
  auto opened = open_database(place, *library, boot_id, *options.clock);
  if (!opened) return base::fail(opened.error().message);
  try {
    return std::unique_ptr<Store>(
        std::make_unique<SqliteStore>(options, std::move(*lock), std::move(library), std::move(*opened)));
  } catch (const SqlError& error) {
    return base::fail("cannot read the database: " + std::string(error.what()));
  }
}

}  // namespace longhaul::storage
