#include "server/metrics/task_meters.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <unordered_map>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include "api/limits.h"
#include "server/metrics/label_of_others.h"

namespace longhaul::server {
namespace {

using api::AttemptOutcome;
using api::TaskState;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

constexpr std::array ended_outcomes = {AttemptOutcome::succeeded, AttemptOutcome::failed,
                                       AttemptOutcome::timed_out, AttemptOutcome::cancelled,
                                       AttemptOutcome::lost,      AttemptOutcome::released};
// What a delivery's attempt can come to, as api::DeliveryAttempt has it; the first is success.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> delivery_outcomes = {
    {{"", "delivered"},
     {"ADDRESS_REFUSED", "address_refused"},
     {"DNS_FAILED", "dns_failed"},
     {"CONNECT_FAILED", "connect_failed"},
     {"TLS_FAILED", "tls_failed"},
     {"TIMED_OUT", "timed_out"},
     {"CONNECTION_LOST", "connection_lost"},
     {"BAD_STATUS", "bad_status"},
     {"REDIRECT", "redirect"}}};

// Work takes from some milliseconds to hours.
const Histogram::BucketBoundaries task_buckets = {0.01, 0.03, 0.1, 0.3, 1,     3,      10,
                                                  30,   60,   300, 900, 3'600, 10'800, 43'200};
const Histogram::BucketBoundaries delivery_buckets = {0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300};

double seconds(base::Nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }

template <class Metric>
Family<Metric>& make_family(prometheus::detail::Builder<Metric> builder, prometheus::Registry& registry,
                            const char* name, const char* help) {
  return builder.Name(name).Help(help).Register(registry);
}

}  // namespace

struct TaskMeters::Families {
  Family<Counter>& counters(const char* name, const char* help) {
    return make_family(prometheus::BuildCounter(), registry, name, help);
  }
  Family<Gauge>& gauges(const char* name, const char* help) {
    return make_family(prometheus::BuildGauge(), registry, name, help);
  }
  Family<Histogram>& histograms(const char* name, const char* help) {
    return make_family(prometheus::BuildHistogram(), registry, name, help);
  }

  prometheus::Registry registry;
  Family<Counter>& accepted = counters("longhaul_tasks_accepted_total", "Tasks whose start was committed.");
  Family<Counter>& finished = counters("longhaul_tasks_finished_total", "Tasks that came to a final state.");
  Family<Counter>& reopened =
      counters("longhaul_tasks_reopened_total", "Finished tasks that a user had tried again.");
  Family<Counter>& claimed = counters("longhaul_attempts_started_total", "Attempts that were claimed.");
  Family<Counter>& attempts = counters("longhaul_attempts_total", "Attempts that ended, by how they did.");
  Family<Counter>& retries =
      counters("longhaul_retries_total", "Attempts that did not succeed and that another one follows.");
  Family<Histogram>& wait = histograms(
      "longhaul_task_wait_seconds", "From the moment a task was due to its first claim, by the wall clock.");
  Family<Histogram>& run =
      histograms("longhaul_attempt_run_seconds", "From the claim of an attempt to the commit of its end.");
  Family<Gauge>& busy = gauges("longhaul_workers_busy", "Attempts under way, by what runs them.");
  Family<Counter>& deliveries =
      counters("longhaul_webhook_deliveries_total", "Deliveries that came to an end.");
  Family<Counter>& delivery_attempts =
      counters("longhaul_webhook_attempts_total", "Attempts to deliver, by what came of them.");
  Family<Histogram>& delivery_run =
      histograms("longhaul_webhook_attempt_seconds", "How long attempts to deliver took.");
};

struct TaskMeters::TypeSeries {
  TypeSeries(Families& families, const std::string& type, Gauge& busy_of_kind)
      : accepted(families.accepted.Add({{"type", type}})),
        reopened(families.reopened.Add({{"type", type}})),
        claimed(families.claimed.Add({{"type", type}})),
        retries(families.retries.Add({{"type", type}})),
        wait(families.wait.Add({{"type", type}}, task_buckets)),
        run(families.run.Add({{"type", type}}, task_buckets)),
        busy(busy_of_kind) {
    for (std::size_t i = 0; i < finished.size(); ++i) {
      const std::string state(api::to_text(storage::final_states[i]));
      finished[i] = &families.finished.Add({{"type", type}, {"state", state}});
    }
    for (std::size_t i = 0; i < attempts.size(); ++i) {
      const std::string outcome(api::to_text(ended_outcomes[i]));
      attempts[i] = &families.attempts.Add({{"type", type}, {"outcome", outcome}});
    }
  }
  void finish(TaskState state) {
    const auto* const place = std::find(storage::final_states.begin(), storage::final_states.end(), state);
    finished[static_cast<std::size_t>(place - storage::final_states.begin())]->Increment();
  }
  void end_attempt(AttemptOutcome outcome) {
    const auto* const place = std::find(ended_outcomes.begin(), ended_outcomes.end(), outcome);
    if (place == ended_outcomes.end()) return;
    attempts[static_cast<std::size_t>(place - ended_outcomes.begin())]->Increment();
  }

  Counter& accepted;
  Counter& reopened;
  Counter& claimed;
  Counter& retries;
  Histogram& wait;
  Histogram& run;
  Gauge& busy;
  std::array<Counter*, storage::final_states.size()> finished{};
  std::array<Counter*, ended_outcomes.size()> attempts{};
};

struct TaskMeters::Series {
  explicit Series(const Options& options)
      : clock(*options.clock),
        builtins(options.builtins.begin(), options.builtins.end()),
        busy_builtin(families.busy.Add({{"kind", "builtin"}})),
        busy_command(families.busy.Add({{"kind", "command"}})),
        delivered(families.deliveries.Add({{"status", "delivered"}})),
        exhausted(families.deliveries.Add({{"status", "exhausted"}})),
        delivery_run(families.delivery_run.Add({}, delivery_buckets)),
        others(families, std::string(label_of_others), busy_command) {
    for (const std::string& type : options.types) series_of_new(type);
    for (std::size_t i = 0; i < delivery_outcomes.size(); ++i) {
      const std::string outcome(delivery_outcomes[i].second);
      delivery_attempts[i] = &families.delivery_attempts.Add({{"outcome", outcome}});
    }
  }

  // A type that a task is started with is one that is configured.
  TypeSeries& series_of_new(const std::string& type) {
    const auto known = types.find(type);
    if (known != types.end()) return *known->second;
    if (types.size() >= api::limits::named_types) return others;
    Gauge& busy = builtins.contains(type) ? busy_builtin : busy_command;
    return *types.emplace(type, std::make_unique<TypeSeries>(families, type, busy)).first->second;
  }
  TypeSeries& series_of(const std::string& type) {
    const auto known = types.find(type);
    return known == types.end() ? others : *known->second;
  }

  void note(const storage::TaskChange& change, base::BootTime now) {
    const api::TaskSnapshot& task = *change.task;
    if (!change.from) return series_of_new(task.type).accepted.Increment();
    TypeSeries& type = series_of(task.type);
    if (task.state == TaskState::running) note_claim(change, type, now);
    if (change.ended) note_end(change, now);
    if (api::is_active(*change.from) && task.state == TaskState::scheduled) type.retries.Increment();
    if (api::is_final(task.state)) type.finish(task.state);
    if (api::is_final(*change.from)) type.reopened.Increment();
  }
  void note_claim(const storage::TaskChange& change, TypeSeries& type, base::BootTime now) {
    const api::TaskSnapshot& task = *change.task;
    type.claimed.Increment();
    type.busy.Increment();
    running.emplace(task.token, Running{&type, now});
    if (change.is_first_claim && task.started_at)
      type.wait.Observe(std::max(0.0, seconds(*task.started_at - task.run_at)));
  }
  void note_end(const storage::TaskChange& change, base::BootTime now) {
    const auto found = running.find(change.task->token);
    // Claimed before this process began: nobody saw its beginning.
    if (found == running.end()) return series_of(change.task->type).end_attempt(*change.ended);
    TypeSeries& type = *found->second.type;
    type.end_attempt(*change.ended);
    type.busy.Decrement();
    type.run.Observe(seconds(now - found->second.began));
    running.erase(found);
  }

  void note_attempt(const storage::TriedDelivery& tried) {
    const auto* const place = std::find_if(delivery_outcomes.begin(), delivery_outcomes.end(),
                                           [&](const auto& outcome) { return outcome.first == tried.error; });
    if (place != delivery_outcomes.end())
      delivery_attempts[static_cast<std::size_t>(place - delivery_outcomes.begin())]->Increment();
    delivery_run.Observe(seconds(tried.duration));
  }
  void note(const storage::TriedDelivery& tried) {
    if (tried.was_attempted) note_attempt(tried);
    if (tried.status == api::DeliveryStatus::delivered) delivered.Increment();
    if (tried.status == api::DeliveryStatus::exhausted) exhausted.Increment();
  }

  struct Running {
    TypeSeries* type;
    base::BootTime began;
  };

  const base::Clock& clock;
  Families families;
  const std::set<std::string> builtins;
  Gauge& busy_builtin;
  Gauge& busy_command;
  Counter& delivered;
  Counter& exhausted;
  Histogram& delivery_run;
  std::array<Counter*, delivery_outcomes.size()> delivery_attempts{};
  TypeSeries others;
  std::unordered_map<std::string, std::unique_ptr<TypeSeries>> types;
  std::unordered_map<api::AttemptToken, Running> running;  // there are only so many workers
};

TaskMeters::TaskMeters(const Options& options) : series_(std::make_unique<Series>(options)) {}
TaskMeters::~TaskMeters() = default;

void TaskMeters::on_committed(std::span<const storage::TaskChange> changes) {
  const base::BootTime now = series_->clock.boot();
  for (const storage::TaskChange& change : changes) series_->note(change, now);
}

void TaskMeters::on_deliveries_tried(std::span<const storage::TriedDelivery> tried) {
  for (const storage::TriedDelivery& delivery : tried) series_->note(delivery);
}

std::vector<prometheus::MetricFamily> TaskMeters::collect() const {
  return series_->families.registry.Collect();
}

}  // namespace longhaul::server
