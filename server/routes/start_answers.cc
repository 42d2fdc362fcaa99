#include "server/routes/start_answers.h"

#include <string>

#include "api/task_json.h"
#include "server/routes/answers.h"

namespace longhaul::server {
namespace {

using api::ErrorCode;
using api::Problem;

Response response_of(const RouteContext& context, int status, const StartedTask& started,
                     const api::RawJson* kept) {
  const api::TaskSnapshot& task = *started.task;
  const bool deduplicated = started.origin == TaskOrigin::deduplicated;
  Response response =
      json_response(status, api::start_json(task, context.dispatcher.explain(task), {deduplicated, kept}));
  response.task_id = task.id;
  if (!api::is_final(task.state)) response.headers.emplace_back("Retry-After", "1");
  if (status == 202) response.headers.emplace_back("Location", "/task-status/" + task.id.text());
  if (started.origin == TaskOrigin::replayed) response.headers.emplace_back("Idempotent-Replayed", "true");
  return response;
}

void add_age(Response& response, base::Milliseconds age) {
  response.headers.emplace_back("Age", std::to_string(std::chrono::floor<std::chrono::seconds>(age).count()));
}

}  // namespace

Response start_response(const RouteContext& context, int status, const StartedTask& started) {
  return response_of(context, status, started, nullptr);
}

Response stale_response(const RouteContext& context, const StartedTask& started,
                        const storage::CachedResult& kept) {
  Response response = response_of(context, 200, started, &kept.status);
  add_age(response, kept.age);
  return response;
}

Response fresh_response(const storage::CachedResult& kept) {
  Response response = json_response(200, kept.status.text);
  add_age(response, kept.age);
  return response;
}

Problem key_reused_problem() {
  Problem problem;
  problem.code = ErrorCode::idempotency_key_reused;
  problem.detail = "This Idempotency-Key came before with another body. Use a new key for new work.";
  problem.errors = {{"Idempotency-Key", "was used with another body"}};
  return problem;
}

Problem task_gone_problem() {
  return api::refuse(ErrorCode::task_gone,
                     "The task of this Idempotency-Key was finished and has been removed since. Nothing "
                     "was started.")
      .error;
}

Problem task_timed_out_problem(const api::TaskSnapshot& task) {
  return task_problem(
      ErrorCode::task_timed_out,
      "The task was not done when the wait for it ended, and is cancelled, as on_timeout asks.", task);
}

}  // namespace longhaul::server
