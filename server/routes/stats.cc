#include <array>

#include "api/json_writer.h"
#include "server/routes/answers.h"
#include "server/routes/routes.h"

namespace longhaul::server {
namespace {

using api::TaskState;
using Counts = std::map<TaskState, std::int64_t>;

constexpr std::array open_states = {TaskState::scheduled, TaskState::queued, TaskState::running,
                                    TaskState::paused, TaskState::cancelling};
constexpr std::array final_states = {TaskState::succeeded, TaskState::failed, TaskState::cancelled,
                                     TaskState::timed_out};

std::int64_t count_of(const Counts& counts, TaskState state) {
  const auto found = counts.find(state);
  return found == counts.end() ? 0 : found->second;
}

template <class States>
void write_counts(api::JsonWriter& json, const Counts& counts, const States& states) {
  for (const TaskState state : states) json.key(api::to_text(state)).number(count_of(counts, state));
}

bool is_idle(const Counts& queue) {
  for (const TaskState state : open_states) {
    if (count_of(queue, state) > 0) return false;
  }
  return true;
}

void write_queues(api::JsonWriter& json, const storage::StateCounts& counts) {
  json.key("queues").begin_object();
  for (const auto& [name, queue] : counts.by_queue) {
    if (is_idle(queue)) continue;
    json.key(name).begin_object();
    write_counts(json, queue, open_states);
    json.end_object();
  }
  json.end_object();
}

std::string stats_json(const RouteContext& context, base::BootTime started) {
  const storage::StateCounts counts = context.store.counts();
  const std::chrono::duration<double> uptime = context.clock.boot() - started;
  api::JsonWriter json;
  json.begin_object();
  json.key("version").string(LONGHAUL_VERSION);
  json.key("uptime_seconds").number(uptime.count());
  json.key("tasks").begin_object();
  write_counts(json, counts.by_state, open_states);
  write_counts(json, counts.by_state, final_states);
  json.end_object();
  write_queues(json, counts);
  json.key("connections").number(context.server.counters().connections);
  json.key("workers").begin_object();
  json.key("running").number(count_of(counts.by_state, TaskState::running) +
                             count_of(counts.by_state, TaskState::cancelling));
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
