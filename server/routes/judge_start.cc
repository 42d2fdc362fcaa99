#include "server/routes/judge_start.h"

#include <algorithm>
#include <utility>

#include "api/fault_list.h"
#include "api/start_request.h"
#include "api/task_query.h"
#include "server/auth/ascii.h"
#include "server/auth/digest.h"
#include "server/config/nearest_name.h"
#include "server/routes/answers.h"
#include "server/routes/idempotency_key.h"
#include "server/routes/new_task.h"
#include "server/routes/prefer_wait.h"
#include "server/routes/traceparent.h"
#include "server/routes/url_judge.h"

namespace longhaul::server {
namespace {

using api::Checked;
using api::ErrorCode;
using api::Problem;

constexpr std::string_view path = "/start-task";

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

bool has_wait_parameter(const Request& request) {
  return std::any_of(request.query.begin(), request.query.end(),
                     [](const auto& parameter) { return parameter.first == "wait"; });
}

// ?wait, else the Prefer header.
base::Milliseconds read_wait(const Request& request, api::FaultList& faults) {
  if (!has_wait_parameter(request)) return preferred_wait(request.headers).value_or(base::Milliseconds(0));
  auto wait = api::parse_wait(request.query);
  if (wait) return wait.value();
  for (api::FieldError& fault : wait.error().errors)
    faults.add(std::move(fault.pointer), std::move(fault.detail));
  return {};
}

StartTerms terms_of(const RouteContext& context, const api::StartRequest& start, base::Milliseconds wait) {
  StartTerms terms;
  if (wait.count() == 0 && !start.cache) return terms;
  terms.wait = wait;
  terms.until = end_of_wait(context, wait);
  terms.cancels = wait.count() > 0 && start.on_timeout == api::OnTimeout::cancel;
  if (start.cache) {
    terms.type = start.type;
    terms.cache = start.cache;
  }
  return terms;
}

}  // namespace

Checked<JudgedStart> judge_start(const RouteContext& context, const Request& request) {
  auto key = read_idempotency_key(request);
  api::FaultList faults;
  if (!key) faults.add(key.error().pointer, key.error().detail);
  const base::Milliseconds wait = read_wait(request, faults);
  auto start = api::parse_start_request(request.body, std::move(faults), url_judge(context));
  if (!start) return api::refuse(std::move(start).error());

  const worker::TaskTypesPtr types = context.types.current();
  const worker::TaskTypePtr type = types->find(start->type);
  if (type == nullptr) return refuse_type(start->type, *types);
  if (request.body.size() > type->max_body_bytes) return refuse_size(request.body.size(), *type);
  const storage::Now now = context.store.now();
  if (auto problem = judge_deadline(start->deadline_at, now)) return api::refuse(*std::move(problem));

  JudgedStart judged;
  judged.terms = terms_of(context, *start, wait);
  judged.task = make_new_task(std::move(start).value(), *type, context.ids.make(now.wall), now);
  judged.task.is_private = judged.terms.cancels;
  judged.task.traceparent = read_traceparent(request);
  if (key.value()) {
    judged.task.idempotency = storage::IdempotencyBinding{
        context.caller + " " + std::string(path), *std::move(key.value()), to_hex(sha256(request.body))};
  }
  return judged;
}

bool may_wait(const Request& request) {
  return has_wait_parameter(request) || request.find_header("Prefer") != nullptr;
}

}  // namespace longhaul::server
