#include <algorithm>
#include <memory>

#include "server/routes/answers.h"
#include "server/routes/judge_start.h"
#include "server/routes/routes.h"
#include "server/routes/start_answers.h"
#include "server/routes/sync_start.h"

namespace longhaul::server {
namespace {

using storage::EnqueueOutcome;
using storage::EnqueueVerdict;
using storage::StoreResult;

// A body up to this size is read on the loop's thread: handing it over would cost more than reading it.
constexpr std::size_t small_body_bytes = 32 * 1024;

// With a task there is. `sync` is null where the answer is what the store says at once.
void answer_with_task(const RouteContext& context, StartedTask started, const Responder& responder,
                      const std::shared_ptr<SyncStart>& sync) {
  if (sync != nullptr) return sync->begin(std::move(started));
  responder.send(start_response(context, 202, started));
}

void answer(const RouteContext& context, const StoreResult<EnqueueOutcome>& outcome,
            const Responder& responder, const std::shared_ptr<SyncStart>& sync) {
  if (!outcome) return responder.send(to_problem(outcome.error()));
  switch (outcome->verdict) {
    case EnqueueVerdict::created:
      return answer_with_task(context, {outcome->task, TaskOrigin::created}, responder, sync);
    case EnqueueVerdict::replayed:
      return answer_with_task(context, {outcome->task, TaskOrigin::replayed}, responder, sync);
    case EnqueueVerdict::deduplicated:
      context.start_counters.deduplicated.add();
      return answer_with_task(context, {outcome->task, TaskOrigin::deduplicated}, responder, sync);
    case EnqueueVerdict::cached:
      context.start_counters.fresh_hits.add();
      return responder.send(fresh_response(*outcome->cached));
    case EnqueueVerdict::key_reused: return responder.send(key_reused_problem());
    case EnqueueVerdict::no_room: return responder.send(queue_full_problem(context.open_tasks.max()));
    case EnqueueVerdict::task_gone: break;
  }
  responder.send(task_gone_problem());
}

// `gone` is null where a hang-up is to be watched for only once the request turns out to need it.
void start(const RouteContext& context, const Request& request, const Responder& responder, GoneFlag gone) {
  auto judged = judge_start(context, request);
  if (!judged) return responder.send(judged.error());
  storage::NewTask& task = judged->task;
  // With no room left, a start is still answered with what is there already.
  const bool has_room = context.open_tasks.try_reserve();
  if (!has_room && !task.idempotency && !task.cache && !task.unique_key)
    return responder.send(queue_full_problem(context.open_tasks.max()));
  task.without_room = !has_room;
  std::shared_ptr<SyncStart> sync;
  if (judged->terms.go_on()) {
    if (judged->terms.cancels && gone == nullptr) gone = watch_hang_up(responder);
    sync = std::make_shared<SyncStart>(context, responder, std::move(judged->terms), std::move(gone));
  }
  context.store.enqueue(std::move(task), [&context, responder, sync = std::move(sync),
                                          has_room](StoreResult<EnqueueOutcome> outcome) {
    if (has_room) context.open_tasks.release();
    // On the loop's thread: the writer, whose this one is, has the next starts to write.
    context.server.post([&context, responder, sync, outcome = std::move(outcome)] {
      answer(context, outcome, responder, sync);
    });
  });
}

void start_off_loop(const RouteContext& context, const Request& request, const Responder& responder) {
  auto kept = std::make_shared<const Request>(request);
  const GoneFlag gone = may_wait(request) ? watch_hang_up(responder) : nullptr;
  const bool taken =
      context.readers.try_post([&context, kept, responder, gone] { start(context, *kept, responder, gone); });
  if (!taken) responder.send(overloaded_problem());
}

}  // namespace

std::size_t greatest_body_bytes(const worker::TaskTypes& types) {
  std::size_t greatest = api::limits::body_bytes;
  for (const auto& [name, type] : types.all()) greatest = std::max(greatest, type->max_body_bytes);
  return greatest;
}

std::vector<Route> start_task_routes(const RouteContext& context) {
  Route route{"POST", "/start-task", [&context](const Request& request, const Responder& responder) {
                if (request.body.size() <= small_body_bytes)
                  return start(context, request, responder, nullptr);
                start_off_loop(context, request, responder);
              }};
  route.parameters = {"wait"};
  route.takes_body = true;
  route.max_body_bytes =
      api::limits::body_bytes_max;  // each type has its own; the transport keeps the greatest
  return {std::move(route)};
}

}  // namespace longhaul::server
