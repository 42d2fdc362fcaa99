#include "api/socket_message.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

#include "api/cancel_reason.h"
#include "api/fault_list.h"
#include "api/json_reader.h"
#include "api/json_scanner.h"
#include "api/json_writer.h"
#include "api/limits.h"

namespace longhaul::api {
namespace {

// What a message holds besides `op` and `ref`, by name; absent members are not there.
struct Members {
  std::vector<std::pair<std::string, std::string_view>> all;

  [[nodiscard]] const std::string_view* find(std::string_view name) const {
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& m) { return m.first == name; });
    return found == all.end() ? nullptr : &found->second;
  }
};

std::optional<std::string> read_string(const Members& members, std::string_view name, FaultList& faults) {
  const std::string_view* const value = members.find(name);
  if (value == nullptr) return std::nullopt;
  auto text = string_of(*value);
  if (!text) faults.add(pointer_to(name), "must be a string");
  return text;
}

Problem unknown_task() { return refuse(ErrorCode::task_not_found, "There is no task of this id.").error; }

using Order = decltype(SocketRequest::order);

// ---- subscribe

constexpr std::string_view filter_members[] = {"status", "type",          "queue",
                                               "tags",   "created_after", "created_before"};

// Filters are judged as the parameters of GET /tasks are; this remembers which member each of them came from.
struct FilterMembers {
  QueryParameters parameters;
  std::vector<std::pair<std::string, std::string>> pointers;  // from a parameter's to its member's

  void add(const std::string& parameter, std::string value, std::string pointer) {
    pointers.emplace_back(parameter_pointer(parameter), std::move(pointer));
    parameters.emplace_back(parameter, std::move(value));
  }
  [[nodiscard]] std::string member_of(const std::string& parameter) const {
    for (const auto& [from, to] : pointers) {
      if (from == parameter) return to;
    }
    return parameter;
  }
};

void read_tags(std::string_view value, FilterMembers& filters, FaultList& faults) {
  if (kind_of(value) != JsonKind::object)
    return faults.add(pointer_to("tags"), "must be an object of strings");
  MemberCursor member(value);
  while (member.next()) {
    const std::string name(member.name());
    auto text = string_of(member.value());
    if (!text) {
      faults.add(pointer_to("tags", name), "must be a string");
      continue;
    }
    filters.add("tag." + name, *std::move(text), pointer_to("tags", name));
  }
}

TaskFilter read_filter(const Members& members, FaultList& faults) {
  FilterMembers filters;
  for (const std::string_view name : filter_members) {
    if (name == "tags") continue;
    auto text = read_string(members, name, faults);
    if (text) filters.add(std::string(name), *std::move(text), pointer_to(name));
  }
  if (const std::string_view* const tags = members.find("tags")) read_tags(*tags, filters, faults);
  auto query = parse_task_query(filters.parameters);
  if (query) return std::move(query->filter);
  for (FieldError& error : query.error().errors)
    faults.add(filters.member_of(error.pointer), std::move(error.detail));
  return {};
}

Checked<Order> read_subscribe(const Members& members, const RawJson& /*ref*/, FaultList faults) {
  SocketSubscribe order;
  order.last_event_id = read_string(members, "last_event_id", faults);
  const auto id_text = read_string(members, "task_id", faults);
  TaskFilter filter = read_filter(members, faults);
  for (const std::string_view name : filter_members) {
    if (members.find("task_id") != nullptr && members.find(name) != nullptr)
      faults.add(pointer_to(name), "must not be given together with task_id");
  }
  if (!faults.empty()) return refuse(std::move(faults).to_problem());
  if (!id_text) {
    order.subject = std::move(filter);
    return Order(std::move(order));
  }
  const auto id = TaskId::parse(*id_text);
  if (!id) return refuse(unknown_task());
  order.subject = *id;
  return Order(std::move(order));
}

// ---- the others

Checked<Order> read_unsubscribe(const Members& members, const RawJson& ref, FaultList faults) {
  SocketUnsubscribe order{read_string(members, "subscription", faults)};
  if (members.find("subscription") == nullptr && ref.text == "null") {
    faults.add(pointer_to("subscription"), "is required without the ref of a subscribe");
  }
  if (!faults.empty()) return refuse(std::move(faults).to_problem());
  return Order(std::move(order));
}

void judge_key(const std::optional<std::string>& key, FaultList& faults) {
  if (!key) return;
  const bool printable = std::all_of(key->begin(), key->end(), [](char c) { return c >= ' ' && c < 0x7F; });
  if (!printable || key->empty() || key->size() > limits::idempotency_key_chars) {
    faults.add(
        pointer_to("idempotency_key"),
        "must be 1 to " + std::to_string(limits::idempotency_key_chars) + " printable ASCII characters");
  }
}

Checked<Order> read_start(const Members& members, const RawJson& /*ref*/, FaultList faults) {
  SocketStart order;
  const std::string_view* const task = members.find("task");
  if (task == nullptr) {
    faults.add(pointer_to("task"), "is required");
  } else if (kind_of(*task) != JsonKind::object) {
    faults.add(pointer_to("task"), "must be an object");
  } else {
    order.task.text = *task;
  }
  order.idempotency_key = read_string(members, "idempotency_key", faults);
  judge_key(order.idempotency_key, faults);
  if (!faults.empty()) return refuse(std::move(faults).to_problem());
  return Order(std::move(order));
}

Checked<Order> read_cancel(const Members& members, const RawJson& /*ref*/, FaultList faults) {
  SocketCancel order;
  const auto id_text = read_string(members, "task_id", faults);
  if (members.find("task_id") == nullptr) faults.add(pointer_to("task_id"), "is required");
  order.reason = read_string(members, "reason", faults).value_or("");
  if (auto fault = fault_of_cancel_reason(order.reason)) faults.add(pointer_to("reason"), *std::move(fault));
  if (!faults.empty()) return refuse(std::move(faults).to_problem());
  const auto id = TaskId::parse(*id_text);
  if (!id) return refuse(unknown_task());
  order.task_id = *id;
  return Order(std::move(order));
}

// ---- which

struct Operation {
  std::string_view name;
  std::span<const std::string_view> members;  // besides `op` and `ref`
  Checked<Order> (*read)(const Members& members, const RawJson& ref, FaultList faults);
};

constexpr std::string_view subscribe_members[] = {
    "task_id", "last_event_id", "status", "type", "queue", "tags", "created_after", "created_before"};
constexpr std::string_view unsubscribe_members[] = {"subscription"};
constexpr std::string_view start_members[] = {"task", "idempotency_key"};
constexpr std::string_view cancel_members[] = {"task_id", "reason"};
constexpr Operation operations[] = {
    {"subscribe", subscribe_members, read_subscribe},
    {"unsubscribe", unsubscribe_members, read_unsubscribe},
    {"start", start_members, read_start},
    {"cancel", cancel_members, read_cancel},
};

const Operation* find_operation(const std::optional<std::string>& name) {
  const auto* const found = std::find_if(std::begin(operations), std::end(operations),
                                         [&](const Operation& o) { return name == o.name; });
  return found == std::end(operations) ? nullptr : found;
}

void judge_names(const Operation& operation, const Members& members, FaultList& faults) {
  const auto& known = operation.members;
  for (const auto& [name, value] : members.all) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      faults.add(pointer_to(name), "is not a member of \"" + std::string(operation.name) + "\"");
  }
}

// It speaks of bodies, and a message has none.
Problem of_message(Problem problem) {
  constexpr std::string_view word = "The body";
  if (problem.detail.starts_with(word)) problem.detail.replace(0, word.size(), "The message");
  return problem;
}

Problem wrong_at(std::string pointer, std::string detail) {
  FaultList faults;
  faults.add(std::move(pointer), std::move(detail));
  return std::move(faults).to_problem();
}

}  // namespace

base::Result<SocketRequest, SocketRefusal> parse_socket_request(std::string_view message) {
  const auto refuse_with = [](RawJson ref, Problem problem) {
    return base::Failure<SocketRefusal>{{std::move(ref), std::move(problem)}};
  };
  const auto json = read_json(message);
  if (!json) return refuse_with({"null"}, of_message(json.error()));
  if (kind_of(*json) != JsonKind::object) return refuse_with({"null"}, wrong_at("#", "must be an object"));

  SocketRequest request;
  Members members;
  std::optional<std::string> op;
  MemberCursor member(json->text);
  while (member.next()) {
    if (member.name() == "ref") {
      request.ref.text = member.value();
    } else if (member.name() == "op") {
      op = string_of(member.value()).value_or("");
    } else {
      members.all.emplace_back(std::string(member.name()), member.value());
    }
  }
  const Operation* const operation = find_operation(op);
  if (operation == nullptr) {
    constexpr std::string_view rule = "must be one of subscribe, unsubscribe, start, cancel";
    return refuse_with(
        std::move(request.ref),
        wrong_at(pointer_to("op"), op ? std::string(rule) : "is required, and " + std::string(rule)));
  }
  FaultList faults;
  judge_names(*operation, members, faults);
  auto order = operation->read(members, request.ref, std::move(faults));
  if (!order) return refuse_with(std::move(request.ref), std::move(order).error());
  request.order = std::move(order).value();
  return request;
}

Problem in_member_task(Problem problem) {
  for (FieldError& error : problem.errors) {
    if (error.pointer.starts_with('#')) {
      error.pointer.insert(1, "/task");
    } else if (error.pointer == "Idempotency-Key") {
      error.pointer = pointer_to("idempotency_key");
    }
  }
  return problem;
}

std::string socket_ok(const RawJson& ref, std::string_view ok_json) {
  JsonWriter out(ref.text.size() + ok_json.size() + 32);
  out.begin_object().key("ref").raw(ref).key("ok").raw(ok_json).end_object();
  return out.take();
}

std::string socket_problem(const RawJson& ref, const Problem& problem, std::string_view request_id) {
  JsonWriter out;
  out.begin_object().key("ref").raw(ref).key("problem").raw(to_json(problem, request_id)).end_object();
  return out.take();
}

std::string socket_event(std::string_view id, std::string_view type, std::string_view data_json) {
  JsonWriter out(data_json.size() + id.size() + type.size() + 48);
  out.begin_object().key("event").begin_object();
  out.key("id").string(id).key("type").string(type).key("data").raw(data_json);
  out.end_object().end_object();
  return out.take();
}

}  // namespace longhaul::api
