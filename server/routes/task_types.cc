#include "api/json_writer.h"
#include "server/routes/answers.h"
#include "server/routes/routes.h"

namespace longhaul::server {
namespace {

double seconds_of(base::Milliseconds time) { return static_cast<double>(time.count()) / 1000; }

void write_type(api::JsonWriter& json, const worker::TaskType& type, std::int64_t running) {
  const bool builtin = type.kind == worker::TaskKind::builtin;
  json.begin_object();
  json.key("name").string(type.name);
  json.key("kind").string(builtin ? "builtin" : "command");
  json.key("concurrency");
  type.concurrency ? json.number(std::int64_t{*type.concurrency}) : json.null();
  json.key("running").number(running);
  json.key("max_attempts").number(std::int64_t{type.max_attempts});
  json.key("timeout_seconds");
  type.timeout ? json.number(seconds_of(*type.timeout)) : json.null();
  json.key("grace_seconds").number(seconds_of(type.grace));
  json.key("served_by").string(builtin ? "threads" : "processes");
  json.end_object();
}

std::string task_types_json(const RouteContext& context) {
  api::JsonWriter json;
  json.begin_object();
  json.key("task_types").begin_array();
  const worker::TaskTypesPtr types = context.types.current();
  for (const auto& [name, type] : types->all()) {
    write_type(json, *type, context.dispatcher.load_of_type(name).running);
  }
  json.end_array();
  json.end_object();
  return json.take();
}

}  // namespace

std::vector<Route> task_type_routes(const RouteContext& context) {
  return {Route{"GET", "/task-types", [&context](const Request&, const Responder& responder) {
                  responder.send(json_response(200, task_types_json(context)));
                }}};
}

}  // namespace longhaul::server
