#include "server/metrics/metrics.h"

#include <algorithm>
#include <array>

#include <prometheus/text_serializer.h>
#include "base/log.h"
#include "server/metrics/family_list.h"
#include "server/metrics/label_of_others.h"
#include "server/metrics/process_figures.h"
#include "server/metrics/task_meters.h"

namespace longhaul::server {
namespace {

using api::TaskState;

constexpr std::array open_states = {TaskState::scheduled, TaskState::queued, TaskState::running,
                                    TaskState::paused, TaskState::cancelling};
constexpr std::array<std::string_view, status_class_count> status_classes = {"1xx", "2xx", "3xx", "4xx",
                                                                             "5xx"};

std::int64_t count_of(const storage::TasksByState& tasks, TaskState state) {
  return tasks[static_cast<std::size_t>(state)];
}

template <class Number>
double real(Number number) {
  return static_cast<double>(number);
}

void add_depths(FamilyList& list, const storage::QueueCounts& counts) {
  list.gauge("longhaul_tasks", "Tasks that are not finished, by queue and state.");
  const auto add = [&list](std::string_view queue, const storage::TasksByState& tasks) {
    for (const TaskState state : open_states)
      list.sample({{"queue", queue}, {"state", api::to_text(state)}}, real(count_of(tasks, state)));
  };
  for (const auto& line : counts.named) add(line.queue, line.tasks);
  add(label_of_others, counts.others);
  list.gauge("longhaul_finished_tasks", "Finished tasks that are still kept, by state.");
  for (const TaskState state : storage::final_states)
    list.sample({{"state", api::to_text(state)}}, real(count_of(counts.all, state)));
}

void add_stored(FamilyList& list, storage::Store& store, const storage::QueueCounts& counts) {
  std::vector<std::string> queues;
  for (const auto& line : counts.named) queues.push_back(line.queue);
  const auto stored = store.stored_figures(queues);
  if (!stored) {
    base::log_warning("metrics are incomplete: the database could not be read",
                      {{"error", stored.error().message}});
    return;
  }
  const storage::WallTime now = store.now().wall;
  const auto age = [now](const std::optional<storage::WallTime>& due) {
    if (!due || *due > now) return 0.0;
    return std::chrono::duration<double>(now - *due).count();
  };
  list.gauge("longhaul_oldest_queued_age_seconds",
             "How long the queued task has been due that has been so for longest; 0: none is queued.");
  for (std::size_t i = 0; i < queues.size(); ++i)
    list.sample({{"queue", queues[i]}}, age(stored->oldest_due[i]));
  list.sample({{"queue", label_of_others}}, age(stored->oldest_due_of_others));
  list.gauge("longhaul_database_free_bytes", "Within the database file, to be used before it grows.")
      .sample(real(stored->free_bytes));
}

void add_webhooks(FamilyList& list, const MetricsParts& parts) {
  list.gauge("longhaul_webhook_circuits_open", "Endpoints that are left alone because they failed.")
      .sample(real(parts.circuits->open_count()));
  const auto webhooks = parts.store->webhooks().list();
  if (!webhooks) return;  // said by add_stored
  const auto disabled = std::count_if(webhooks->begin(), webhooks->end(), [](const api::Webhook& webhook) {
    return webhook.disabled.has_value();
  });
  list.gauge("longhaul_webhooks", "Registered webhooks, by whether they are sent anything.")
      .sample({{"state", "enabled"}}, real(std::ssize(*webhooks) - disabled))
      .sample({{"state", "disabled"}}, real(disabled));
}

void add_storage(FamilyList& list, const storage::StoreFigures& figures) {
  list.histogram("longhaul_commit_seconds", "Time to commit a transaction of the writer, its sync included.")
      .sample(figures.commits);
  list.counter("longhaul_commit_requests_total", "Requests that were committed, many to a transaction.")
      .sample(real(figures.committed_requests));
  list.counter("longhaul_commit_failures_total", "Transactions that were rolled back.")
      .sample(real(figures.failed_commits));
  list.gauge("longhaul_writes_waiting", "Requests that wait for the writer.")
      .sample(real(figures.waiting_requests));
  list.gauge("longhaul_database_bytes", "Size of the database file.").sample(real(figures.database_bytes));
  list.gauge("longhaul_wal_bytes", "Size of the write-ahead log's file.").sample(real(figures.log_bytes));
  list.gauge("longhaul_disk_free_bytes", "Free on the disk of the database.")
      .sample(real(figures.free_disk_bytes));
  list.counter("longhaul_retention_removed_total", "Finished tasks that were removed, by state.");
  for (std::size_t i = 0; i < storage::final_states.size(); ++i)
    list.sample({{"state", api::to_text(storage::final_states[i])}}, real(figures.removed[i]));
  list.gauge("longhaul_webhook_deliveries_owed", "Deliveries that are not over.")
      .sample(real(figures.owed_deliveries));
}

void add_http(FamilyList& list, const HttpServer::Counters& counters) {
  list.counter("longhaul_http_requests_total", "Requests answered, by method and class of status.");
  for (std::size_t method = 0; method < http_method_count; ++method) {
    for (std::size_t status = 1; status < status_class_count; ++status) {  // there are no answers of 1xx
      list.sample({{"method", http_method_names[method]}, {"status", status_classes[status]}},
                  real(counters.answers[method][status]));
    }
  }
  list.gauge("longhaul_http_requests_in_flight", "Requests that wait for their answer.")
      .sample(real(counters.in_flight));
  list.gauge("longhaul_http_connections", "Open connections.").sample(real(counters.connections));
}

void add_streams(FamilyList& list, const MetricsParts& parts) {
  list.gauge("longhaul_waiting_clients", "Clients that wait to be told of tasks, by how they do.")
      .sample({{"kind", "long_poll"}}, real(parts.waiting->waiters()))
      .sample({{"kind", "event_stream"}}, real(parts.streams->open(StreamKind::events)))
      .sample({{"kind", "log_stream"}}, real(parts.streams->open(StreamKind::logs)))
      .sample({{"kind", "websocket"}}, real(parts.streams->open(StreamKind::socket)));
  list.counter("longhaul_events_told_total",
               "Events of tasks, each counted for each subscriber it was told to.")
      .sample(real(parts.events->told()));
  list.counter("longhaul_streams_cut_total", "Streams that were ended because their clients read too slowly.")
      .sample(real(parts.streams->cut()));
}

void add_starts(FamilyList& list, const StartCounters& starts) {
  list.counter("longhaul_cache_answers_total", "Starts that name a cache key, by what the cache came to.")
      .sample({{"answer", "fresh"}}, real(starts.fresh_hits.read()))
      .sample({{"answer", "stale"}}, real(starts.stale_hits.read()))
      .sample({{"answer", "miss"}}, real(starts.misses.read()));
  list.counter("longhaul_starts_deduplicated_total",
               "Starts answered with the task that had their unique key.")
      .sample(real(starts.deduplicated.read()));
  list.counter("longhaul_start_waits_ended_total", "Starts whose task was not final when their wait ended.")
      .sample(real(starts.wait_timeouts.read()));
  list.counter("longhaul_starts_hung_up_total", "Tasks cancelled because the client of their start hung up.")
      .sample(real(starts.cancelled_by_hang_up.read()));
}

void add_process(FamilyList& list, const ProcessFigures& figures) {
  const auto add = [](FamilyList& family, const auto& value) {
    if (value) family.sample(real(*value));
  };
  add(list.counter("process_cpu_seconds_total", "User and system time."), figures.cpu_seconds);
  add(list.gauge("process_start_time_seconds", "When the process began, since 1970."),
      figures.start_time_seconds);
  add(list.gauge("process_resident_memory_bytes", "Resident memory."), figures.resident_bytes);
  add(list.gauge("process_virtual_memory_bytes", "Virtual memory."), figures.virtual_bytes);
  add(list.gauge("process_threads", "Threads."), figures.threads);
  add(list.gauge("process_open_fds", "Open descriptors."), figures.open_descriptors);
  add(list.gauge("process_max_fds", "Most descriptors that may be open."), figures.max_descriptors);
}

TaskMeters::Options meters_of(const MetricsParts& parts) {
  TaskMeters::Options options;
  options.clock = parts.clock;
  for (const auto& [name, type] : parts.types->all()) {
    options.types.push_back(name);
    if (type->kind == worker::TaskKind::builtin) options.builtins.push_back(name);
  }
  return options;
}

class ServerMetrics final : public Metrics {
 public:
  explicit ServerMetrics(const MetricsParts& parts) : parts_(parts), meters_(meters_of(parts)) {}

  void on_committed(std::span<const storage::TaskChange> changes) override { meters_.on_committed(changes); }
  void on_deliveries_tried(std::span<const storage::TriedDelivery> tried) override {
    meters_.on_deliveries_tried(tried);
  }

  [[nodiscard]] std::string text() const override {
    const storage::QueueCounts counts = parts_.store->queue_counts();
    FamilyList list;
    add_own(list);
    add_depths(list, counts);
    add_stored(list, *parts_.store, counts);
    add_storage(list, parts_.store->figures());
    add_webhooks(list, parts_);
    add_http(list, parts_.server->counters());
    add_streams(list, parts_);
    add_starts(list, *parts_.starts);
    add_process(list, read_process_figures());
    list.append(meters_.collect());
    return prometheus::TextSerializer().Serialize(list.take_sorted());
  }

 private:
  void add_own(FamilyList& list) const {
    list.gauge("longhaul_build_info", "1; the version is in the label.")
        .sample({{"version", LONGHAUL_VERSION}}, 1);
    list.gauge("longhaul_ready", "1 while starts are taken; 0 while recovering or stopping.")
        .sample(parts_.readiness->phase() == Readiness::Phase::ready ? 1 : 0);
    list.gauge("longhaul_open_tasks_limit", "Unfinished tasks at which starts are refused.")
        .sample(real(parts_.open_tasks->max()));
    list.gauge("longhaul_workers_capacity", "Attempts that can run at once, by what runs them.")
        .sample({{"kind", "builtin"}}, real(parts_.threads->capacity()))
        .sample({{"kind", "command"}}, real(parts_.commands->capacity()));
  }

  const MetricsParts parts_;
  TaskMeters meters_;
};

}  // namespace

std::unique_ptr<Metrics> make_metrics(const MetricsParts& parts) {
  return std::make_unique<ServerMetrics>(parts);
}

}  // namespace longhaul::server
