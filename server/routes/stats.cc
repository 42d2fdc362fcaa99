#include <algorithm>
#include <array>

#include "api/json_writer.h"
#include "server/routes/answers.h"
#include "server/routes/routes.h"

namespace longhaul::server {
namespace {

using api::TaskState;

constexpr std::array open_states = {TaskState::scheduled, TaskState::queued, TaskState::running,
                                    TaskState::paused, TaskState::cancelling};
constexpr std::array final_states = {TaskState::succeeded, TaskState::failed, TaskState::cancelled,
                                     TaskState::timed_out};

using storage::TasksByState;

template <class States>
void write_counts(api::JsonWriter& json, const TasksByState& counts, const States& states) {
  for (const TaskState state : states)
    json.key(api::to_text(state)).number(counts[static_cast<std::size_t>(state)]);
}

bool is_idle(const TasksByState& queue) {
  return std::all_of(open_states.begin(), open_states.end(),
                     [&](TaskState state) { return queue[static_cast<std::size_t>(state)] == 0; });
}

void write_queues(api::JsonWriter& json, const storage::QueueCounts& counts) {
  json.key("queues").begin_object();
  for (const storage::QueueCounts::Line& line : counts.named) {
    if (is_idle(line.tasks)) continue;
    json.key(line.queue).begin_object();
    write_counts(json, line.tasks, open_states);
    json.end_object();
  }
  json.end_object();
  json.key("other_queues").begin_object();
  write_counts(json, counts.others, open_states);
  json.end_object();
}

std::string stats_json(const RouteContext& context, base::BootTime started) {
  const storage::QueueCounts counts = context.store.queue_counts();
  const std::chrono::duration<double> uptime = context.clock.boot() - started;
  api::JsonWriter json;
  json.begin_object();
  json.key("version").string(LONGHAUL_VERSION);
  json.key("uptime_seconds").number(uptime.count());
  json.key("tasks").begin_object();
  write_counts(json, counts.all, open_states);
  write_counts(json, counts.all, final_states);
  json.end_object();
  write_queues(json, counts);
  json.key("connections").number(context.server.counters().connections);
  json.key("workers").begin_object();
  json.key("running").number(counts.all[static_cast<std::size_t>(TaskState::running)] +
                             counts.all[static_cast<std::size_t>(TaskState::cancelling)]);
  json.end_object();
  json.end_object();
  return json.take();
}

}  // namespace

std::vector<Route> stats_routes(const RouteContext& context) {
  const base::BootTime started = context.clock.boot();
  return {Route{"GET", "/stats", [&context, started](const Request&, const Responder& responder) {
                  responder.send(json_response(200, stats_json(context, started)));
                }}};
}

}  // namespace longhaul::server
