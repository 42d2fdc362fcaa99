#include "server/routes/socket_start.h"

#include <utility>

#include "server/routes/answers.h"
#include "server/routes/judge_start.h"
#include "server/routes/start_answers.h"

namespace longhaul::server {
namespace {

using Done = std::function<void(const api::Checked<std::string>&)>;
using storage::EnqueueVerdict;

// As a structured-field string, which may begin with anything.
std::string quoted(std::string_view key) {
  std::string text = "\"";
  for (const char c : key) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + '"';
}

// The request that the client could have made instead: what judges those judges this.
Request as_request(const api::SocketStart& order) {
  Request request;
  request.method = "POST";
  request.path = "/start-task";
  request.body = order.task.text;
  if (order.idempotency_key) request.headers.emplace_back("Idempotency-Key", quoted(*order.idempotency_key));
  return request;
}

// With an old result where the terms allow it and there is one. Reads the store.
Response answer_of(const RouteContext& context, const StartTerms& terms, const StartedTask& started) {
  if (terms.cache && started.task->state != api::TaskState::succeeded) {
    const auto kept = context.store.result_cache().find_result(terms.type, terms.cache->key);
    const bool is_young = kept && *kept != nullptr && (*kept)->age <= terms.cache->stale;
    (is_young ? context.start_counters.stale_hits : context.start_counters.misses).add();
    if (is_young) return stale_response(context, started, **kept);
  } else if (terms.cache) {
    context.start_counters.misses.add();
  }
  return start_response(context, 202, started);
}

void answer_with_task(const RouteContext& context, const StartTerms& terms, const StartedTask& started,
                      const Done& done) {
  if (!terms.cache) return done(answer_of(context, terms, started).body);
  const bool taken = context.readers.try_post([&context, terms, started, done] {
    std::string text = answer_of(context, terms, started).body;
    context.server.post([done, text = std::move(text)] { done(text); });
  });
  if (!taken) done(start_response(context, 202, started).body);
}

void answer(const RouteContext& context, const StartTerms& terms,
            const storage::StoreResult<storage::EnqueueOutcome>& outcome, const Done& done) {
  if (!outcome) return done(api::refuse(to_problem(outcome.error())));
  const auto with_task = [&](TaskOrigin origin) {
    answer_with_task(context, terms, {outcome->task, origin}, done);
  };
  switch (outcome->verdict) {
    case EnqueueVerdict::created: return with_task(TaskOrigin::created);
    case EnqueueVerdict::replayed: return with_task(TaskOrigin::replayed);
    case EnqueueVerdict::deduplicated:
      context.start_counters.deduplicated.add();
      return with_task(TaskOrigin::deduplicated);
    case EnqueueVerdict::cached:
      context.start_counters.fresh_hits.add();
      return done(outcome->cached->status.text);
    case EnqueueVerdict::no_room: return done(api::refuse(queue_full_problem(context.open_tasks.max())));
    case EnqueueVerdict::key_reused: return done(api::refuse(api::in_member_task(key_reused_problem())));
    case EnqueueVerdict::task_gone: break;
  }
  done(api::refuse(task_gone_problem()));
}

}  // namespace

void start_for_socket(const RouteContext& context, const api::SocketStart& order, Done done) {
  if (auto problem = not_ready_problem(context.readiness.phase()))
    return done(api::refuse(*std::move(problem)));
  auto judged = judge_start(context, as_request(order));
  if (!judged) return done(api::refuse(api::in_member_task(std::move(judged).error())));
  // With no room left, what is there already is still answered with.
  const bool has_room = context.open_tasks.try_reserve();
  judged->task.without_room = !has_room;
  context.store.enqueue(
      std::move(judged->task), [&context, terms = std::move(judged->terms), done = std::move(done),
                                has_room](storage::StoreResult<storage::EnqueueOutcome> outcome) {
        if (has_room) context.open_tasks.release();
        context.server.post(
            [&context, terms, done, outcome = std::move(outcome)] { answer(context, terms, outcome, done); });
      });
}

}  // namespace longhaul::server
