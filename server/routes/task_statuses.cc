// GET /task-status?ids=a,b,c: many at once.
#include <algorithm>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "api/fault_list.h"
#include "api/json_writer.h"
#include "api/limits.h"
#include "api/task_json.h"
#include "server/routes/answers.h"
#include "server/routes/routes.h"

namespace longhaul::server {
namespace {

using api::Checked;

// As they were asked for, in that order, once each.
using Question = std::vector<std::string>;

Checked<Question> read_ids(const Request& request) {
  api::FaultList faults;
  const std::string* const given = single_parameter(request, "ids", faults);
  if (given == nullptr || given->empty())
    faults.add(api::parameter_pointer("ids"), "must name at least one task, as in ?ids=a,b,c");
  Question question;
  std::unordered_set<std::string_view> seen;
  std::string_view rest = given == nullptr ? std::string_view() : std::string_view(*given);
  std::size_t count =
      rest.empty() ? 0 : static_cast<std::size_t>(std::count(rest.begin(), rest.end(), ',')) + 1;
  if (count > api::limits::ids_at_once) {
    faults.add(api::parameter_pointer("ids"),
               "must name at most " + std::to_string(api::limits::ids_at_once) + " tasks");
  }
  if (!faults.empty()) return api::refuse(std::move(faults).to_problem());
  for (; count > 0; --count) {
    const std::string_view text = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(text.size() + 1, rest.size()));
    if (seen.insert(text).second) question.emplace_back(text);
  }
  return question;
}

// Takes one task at a time, so that their results are not all in memory.
class StatusList {
 public:
  explicit StatusList(const RouteContext& context) : context_(context) {
    json_.begin_object().key("tasks").begin_array();
  }
  void add(const api::TaskSnapshot& task) {
    json_.raw(api::short_status_json(task, context_.dispatcher.explain(task), room_));
    if (task.result && task.result->text.size() <= room_) room_ -= task.result->text.size();
  }
  [[nodiscard]] Response take(const Question& unknown) {
    json_.end_array().key("unknown").begin_array();
    for (const std::string& text : unknown) json_.string(text);
    json_.end_array().end_object();
    Response response = json_response(200, json_.take());
    response.headers.emplace_back("Cache-Control", "private, no-cache");
    return response;
  }

 private:
  const RouteContext& context_;
  api::JsonWriter json_;
  std::size_t room_ = api::limits::page_result_bytes;  // for results
};

// `find` gives a task (null: there is none), or nothing when that cannot be told.
template <class Find>
std::optional<Response> compose(const RouteContext& context, const Question& question, const Find& find) {
  StatusList list(context);
  Question unknown;
  for (const std::string& text : question) {
    api::TaskSnapshotPtr task;
    if (const auto id = api::TaskId::parse(text)) {
      auto found = find(*id);
      if (!found) return std::nullopt;
      task = *std::move(found);
    }
    if (task != nullptr) {
      list.add(*task);
    } else {
      unknown.push_back(text);
    }
  }
  return list.take(unknown);
}

std::optional<Response> answer_from_memory(const RouteContext& context, const Question& question) {
  return compose(context, question, [&](const api::TaskId& id) -> std::optional<api::TaskSnapshotPtr> {
    api::TaskSnapshotPtr recent = context.store.recent(id);
    if (recent == nullptr) return std::nullopt;
    return recent;
  });
}

Checked<Response> answer_from_store(const RouteContext& context, const Question& question) {
  std::optional<api::Problem> problem;
  auto response =
      compose(context, question, [&](const api::TaskId& id) -> std::optional<api::TaskSnapshotPtr> {
        if (api::TaskSnapshotPtr recent = context.store.recent(id)) return recent;
        auto found = context.store.find(id);
        if (found) return std::move(found).value();
        problem = to_problem(found.error());
        return std::nullopt;
      });
  if (!response) return api::refuse(*std::move(problem));
  return *std::move(response);
}

void statuses(const RouteContext& context, const Request& request, const Responder& responder) {
  auto question = read_ids(request);
  if (!question) return responder.send(question.error());
  if (auto response = answer_from_memory(context, *question)) return responder.send(*std::move(response));
  answer_off_loop(context, responder, [&context, question = std::move(question).value()] {
    return answer_from_store(context, question);
  });
}

}  // namespace

std::vector<Route> task_statuses_routes(const RouteContext& context) {
  Route route{"GET", "/task-status", [&context](const Request& request, const Responder& responder) {
                statuses(context, request, responder);
              }};
  route.parameters = {"ids"};
  return {std::move(route)};
}

}  // namespace longhaul::server
