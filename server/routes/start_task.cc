#include <algorithm>
#include <memory>

#include "api/fault_list.h"
#include "api/start_request.h"
#include "server/auth/ascii.h"
#include "server/auth/digest.h"
#include "server/config/nearest_name.h"
#include "server/routes/answers.h"
#include "server/routes/idempotency_key.h"
#include "server/routes/new_task.h"
#include "server/routes/routes.h"
#include "server/routes/traceparent.h"
#include "worker/webhooks/callback_url.h"

namespace longhaul::server {
namespace {

using api::Checked;
using api::ErrorCode;
using api::Problem;

constexpr std::string_view path = "/start-task";

// A body up to this size is read on the loop's thread: handing it over would cost more than reading it.
constexpr std::size_t small_body_bytes = 32 * 1024;

base::Failure<Problem> refuse_type(const std::string& name, const worker::TaskTypes& types) {
  std::vector<std::string> known;
  for (const auto& [known_name, type] : types.all()) known.push_back(known_name);
  const auto nearest = nearest_name(name, known);
  Problem problem;
  problem.code = ErrorCode::unknown_task_type;
  problem.detail =
      "The server has no task type of this name. " +
      (nearest ? "Did you mean \"" + *nearest + "\"? " : std::string()) +
      "GET /task-types lists those it has. To add one: longhaul serve --task NAME='PROGRAM ARGS', or a "
      "[tasks.NAME] section in its configuration file.";
  problem.errors = {
      {"#/type", nearest ? "unknown; the nearest known one is \"" + *nearest + "\"" : "unknown"}};
  return api::refuse(std::move(problem));
}

base::Failure<Problem> refuse_size(std::size_t bytes, const worker::TaskType& type) {
  return api::refuse(ErrorCode::body_too_large,
                     "The body has " + std::to_string(bytes) + " bytes; a task of type \"" + type.name +
                         "\" takes at most " + std::to_string(type.max_body_bytes) + " (tasks." + type.name +
                         ".max_body_bytes).");
}

// The header's value when it was given once and is valid; an invalid one is ignored (W3C Trace Context,
// section 4.3).
std::string read_traceparent(const Request& request) {
  const std::string* found = nullptr;
  for (const auto& [name, value] : request.headers) {
    if (!equal_ignoring_case(name, "traceparent")) continue;
    if (found != nullptr) return {};
    found = &value;
  }
  return found != nullptr && is_traceparent(*found) ? *found : std::string();
}

// Where the callback leads, as far as its text tells: a name is judged when a connection is made.
api::UrlJudge callback_judge(const RouteContext& context) {
  return [&context](const std::string& url) {
    return worker::webhooks::fault_of_url(url, context.callback_guard);
  };
}

// Everything that can be judged without the store, in the order of the contract.
Checked<storage::NewTask> judge(const RouteContext& context, const Request& request) {
  auto key = read_idempotency_key(request);
  api::FaultList faults;
  if (!key) faults.add(key.error().pointer, key.error().detail);
  auto start = api::parse_start_request(request.body, std::move(faults), callback_judge(context));
  if (!start) return api::refuse(std::move(start).error());

  const worker::TaskTypesPtr types = context.types.current();
  const worker::TaskTypePtr type = types->find(start->type);
  if (type == nullptr) return refuse_type(start->type, *types);
  if (request.body.size() > type->max_body_bytes) return refuse_size(request.body.size(), *type);
  const storage::Now now = context.store.now();
  if (auto problem = judge_deadline(start->deadline_at, now)) return api::refuse(*std::move(problem));

  storage::NewTask task = make_new_task(std::move(start).value(), *type, context.ids.make(now.wall), now);
  task.traceparent = read_traceparent(request);
  if (key.value()) {
    task.idempotency = storage::IdempotencyBinding{context.caller + " " + std::string(path),
                                                   *std::move(key.value()), to_hex(sha256(request.body))};
  }
  return task;
}

Problem key_reused_problem() {
  Problem problem;
  problem.code = ErrorCode::idempotency_key_reused;
  problem.detail = "This Idempotency-Key came before with another body. Use a new key for new work.";
  problem.errors = {{"Idempotency-Key", "was used with another body"}};
  return problem;
}

void answer(const RouteContext& context, const storage::StoreResult<storage::EnqueueOutcome>& outcome,
            const Responder& responder) {
  if (!outcome) return responder.send(to_problem(outcome.error()));
  switch (outcome->verdict) {
    case storage::EnqueueVerdict::created: return responder.send(accepted_response(context, *outcome->task));
    case storage::EnqueueVerdict::replayed: {
      Response response = accepted_response(context, *outcome->task);
      response.headers.emplace_back("Idempotent-Replayed", "true");
      return responder.send(std::move(response));
    }
    case storage::EnqueueVerdict::key_reused: return responder.send(key_reused_problem());
    case storage::EnqueueVerdict::not_bound:
      return responder.send(queue_full_problem(context.open_tasks.max()));
    case storage::EnqueueVerdict::task_gone: break;
  }
  responder.send(
      api::refuse(ErrorCode::task_gone,
                  "The task of this Idempotency-Key was finished and has been removed since. Nothing "
                  "was started.")
          .error);
}

void start(const RouteContext& context, const Request& request, const Responder& responder) {
  auto task = judge(context, request);
  if (!task) return responder.send(task.error());
  // With no room left, a task that is there already is still answered for.
  const bool has_room = context.open_tasks.try_reserve();
  if (!has_room && !task->idempotency) return responder.send(queue_full_problem(context.open_tasks.max()));
  task->replay_only = !has_room;
  context.store.enqueue(std::move(task).value(), [&context, responder, has_room](
                                                     storage::StoreResult<storage::EnqueueOutcome> outcome) {
    if (has_room) context.open_tasks.release();
    // On the loop's thread: the writer, whose this one is, has the next starts to write.
    context.server.post(
        [&context, responder, outcome = std::move(outcome)] { answer(context, outcome, responder); });
  });
}

}  // namespace

std::size_t greatest_body_bytes(const worker::TaskTypes& types) {
  std::size_t greatest = api::limits::body_bytes;
  for (const auto& [name, type] : types.all()) greatest = std::max(greatest, type->max_body_bytes);
  return greatest;
}

std::vector<Route> start_task_routes(const RouteContext& context) {
  Route route{"POST", path, [&context](const Request& request, const Responder& responder) {
                if (request.body.size() <= small_body_bytes) return start(context, request, responder);
                auto kept = std::make_shared<const Request>(request);
                const bool taken = context.readers.try_post(
                    [&context, kept, responder] { start(context, *kept, responder); });
                if (!taken) responder.send(overloaded_problem());
              }};
  route.takes_body = true;
  route.max_body_bytes =
      api::limits::body_bytes_max;  // each type has its own; the transport keeps the greatest
  return {std::move(route)};
}

}  // namespace longhaul::server
