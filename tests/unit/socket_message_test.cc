#include "api/socket_message.h"

#include <ostream>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "api/limits.h"

using namespace longhaul::api;

namespace {

const std::string id_text = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";

SocketRequest accepted(const std::string& message) {
  auto request = parse_socket_request(message);
  if (!request) FAIL(message << ": " << request.error().problem.detail);
  return std::move(request).value();
}

template <class Order>
Order order_of(const std::string& message) {
  const SocketRequest request = accepted(message);
  REQUIRE(std::holds_alternative<Order>(request.order));
  return std::get<Order>(request.order);
}

SocketRefusal refused(const std::string& message) {
  auto request = parse_socket_request(message);
  if (request) FAIL(message << " was taken");
  return std::move(request).error();
}

// The pointers of a 422, in order.
std::string faults(const std::string& message) {
  const SocketRefusal refusal = refused(message);
  CHECK(refusal.problem.code == ErrorCode::validation_failed);
  std::string text;
  for (const FieldError& error : refusal.problem.errors) text += (text.empty() ? "" : " ") + error.pointer;
  return text;
}

}  // namespace

TEST_CASE("socket: what is not JSON is answered, with a ref of null") {
  for (const std::string message : {"", "{", "\xFF", R"({"op":"start","op":"start"})", "nul"}) {
    CAPTURE(message);
    const SocketRefusal refusal = refused(message);
    CHECK(refusal.problem.code == ErrorCode::malformed_json);
    CHECK(refusal.ref.text == "null");
    CHECK(refusal.problem.detail.starts_with("The message"));
  }
  for (const std::string message : {"[]", "1", "\"subscribe\"", "null"}) CHECK(faults(message) == "#");
}

TEST_CASE("socket: any JSON may be a ref, and comes back digit for digit") {
  for (const std::string ref : {"1", "1.0", "1e400", "\"a\\u0041\"", "null", "[1,{}]", "{\"a\":true}"}) {
    CAPTURE(ref);
    CHECK(accepted(R"({"ref": )" + ref + R"(, "op": "subscribe"})").ref.text == ref);
    CHECK(refused(R"({"ref": )" + ref + R"(, "op": "dance"})").ref.text == ref);
  }
  CHECK(accepted(R"({"op": "subscribe"})").ref.text == "null");
}

TEST_CASE("socket: an op that is none") {
  CHECK(faults(R"({"ref": 1})") == "#/op");
  CHECK(faults(R"({"op": null, "x": 1})") == "#/op");
  CHECK(faults(R"({"op": "Subscribe"})") == "#/op");
}

TEST_CASE("socket: unknown members are refused, each of them, with all else that is wrong") {
  CHECK(faults(R"({"op": "subscribe", "x": 1, "a/b": 2, "type": 5})") == "#/x #/a~1b #/type");
  CHECK(faults(R"({"op": "unsubscribe", "subscription": "1", "task_id": "x"})") == "#/task_id");
  CHECK(faults(R"({"op": "start", "tsk": {}})") == "#/tsk #/task");
  CHECK(faults(R"({"op": "cancel", "task": {}})") == "#/task #/task_id");
}

TEST_CASE("socket: subscribe to a task") {
  const auto order = order_of<SocketSubscribe>(R"({"op": "subscribe", "task_id": ")" + id_text +
                                               R"(", "last_event_id": "1-2-3"})");
  CHECK(std::get<TaskId>(order.subject) == TaskId::parse(id_text));
  CHECK(order.last_event_id == "1-2-3");
  CHECK(refused(R"({"op": "subscribe", "task_id": "nonsense"})").problem.code == ErrorCode::task_not_found);
  CHECK(faults(R"({"op": "subscribe", "task_id": 7})") == "#/task_id");
  CHECK(faults(R"({"op": "subscribe", "task_id": "nonsense", "last_event_id": 1})") == "#/last_event_id");
  CHECK(faults(R"({"op": "subscribe", "task_id": "x", "queue": "q", "tags": {}})") == "#/queue #/tags");
}

TEST_CASE("socket: subscribe with the filters of the list") {
  const auto all = order_of<SocketSubscribe>(R"({"op": "subscribe"})");
  CHECK_FALSE(std::get<TaskFilter>(all.subject).type);
  CHECK_FALSE(all.last_event_id);
  const auto order = order_of<SocketSubscribe>(
      R"({"op": "subscribe", "status": "failed", "type": "echo", "queue": "q", "tags": {"a b": "c", "d": ""},)"
      R"("created_after": "2026-03-01T12:00:00Z", "created_before": "2026-03-02T12:00:00Z"})");
  const auto& filter = std::get<TaskFilter>(order.subject);
  CHECK(filter.state == TaskState::failed);
  CHECK(filter.type == "echo");
  CHECK(filter.queue == "q");
  CHECK(filter.created_after);
  CHECK(filter.created_before);
  REQUIRE(filter.tags.size() == 2);
  CHECK(filter.tags[0] == std::pair<std::string, std::string>("a b", "c"));
}

TEST_CASE("socket: wrong filters are named where they stand") {
  CHECK(faults(R"({"op": "subscribe", "status": "lost", "type": "", "tags": {"a/b": 1, "": "x"},)"
               R"("created_after": "yesterday"})") == "#/tags/a~1b #/status #/type #/created_after #/tags/");
  CHECK(faults(R"({"op": "subscribe", "tags": ["a"]})") == "#/tags");
  CHECK(faults(R"({"op": "subscribe", "tag.a": "b"})") == "#/tag.a");
  CHECK(faults(R"({"op": "subscribe", "page_size": "3"})") == "#/page_size");
  std::string tags;
  for (std::size_t i = 0; i <= limits::tags; ++i)
    tags += (i == 0 ? "" : ",") + ("\"t" + std::to_string(i) + "\":\"v\"");
  CHECK(faults(R"({"op": "subscribe", "tags": {)" + tags + "}}") == "#/tags/t16");
}

TEST_CASE("socket: unsubscribe by name or by ref") {
  CHECK(order_of<SocketUnsubscribe>(R"({"op": "unsubscribe", "subscription": "3"})").subscription == "3");
  CHECK_FALSE(order_of<SocketUnsubscribe>(R"({"op": "unsubscribe", "ref": 3})").subscription);
  CHECK(faults(R"({"op": "unsubscribe"})") == "#/subscription");
  CHECK(faults(R"({"op": "unsubscribe", "ref": null})") == "#/subscription");
  CHECK(faults(R"({"op": "unsubscribe", "subscription": 3})") == "#/subscription");
}

TEST_CASE("socket: start") {
  const auto order = order_of<SocketStart>(
      R"({"op": "start", "task": {"type": "echo", "payload": 1.50}, "idempotency_key": "\"k\\"})");
  CHECK(order.task.text == R"({"type":"echo","payload":1.50})");
  CHECK(order.idempotency_key == "\"k\\");
  CHECK(faults(R"({"op": "start"})") == "#/task");
  CHECK(faults(R"({"op": "start", "task": []})") == "#/task");
  const std::string too_long = "\"" + std::string(256, 'k') + "\"";
  for (const std::string& key : std::vector<std::string>{"\"\"", "5", "\"\\n\"", "\"\xC3\xA4\"", too_long}) {
    CAPTURE(key);
    CHECK(faults(R"({"op": "start", "task": {}, "idempotency_key": )" + key + "}") == "#/idempotency_key");
  }
}

TEST_CASE("socket: cancel") {
  const auto order =
      order_of<SocketCancel>(R"({"op": "cancel", "task_id": ")" + id_text + R"(", "reason": "why not"})");
  CHECK(order.task_id == TaskId::parse(id_text));
  CHECK(order.reason == "why not");
  CHECK(order_of<SocketCancel>(R"({"op": "cancel", "task_id": ")" + id_text + "\"}").reason.empty());
  CHECK(faults(R"({"op": "cancel", "reason": "\u0000"})") == "#/task_id #/reason");
  const std::string long_reason(limits::cancel_reason_chars + 1, 'r');
  CHECK(faults(R"({"op": "cancel", "task_id": "x", "reason": ")" + long_reason + "\"}") == "#/reason");
  CHECK(refused(R"({"op": "cancel", "task_id": "x"})").problem.code == ErrorCode::task_not_found);
}

TEST_CASE("socket: faults of a task are below its member") {
  Problem problem;
  problem.errors = {{"#/type", "a"}, {"#", "b"}, {"Idempotency-Key", "c"}};
  problem = in_member_task(std::move(problem));
  CHECK(problem.errors[0].pointer == "#/task/type");
  CHECK(problem.errors[1].pointer == "#/task");
  CHECK(problem.errors[2].pointer == "#/idempotency_key");
}

TEST_CASE("socket: what the server says") {
  CHECK(socket_ok({"[1]"}, R"({"a":1})") == R"({"ref":[1],"ok":{"a":1}})");
  CHECK(socket_event("1-2-3", "state", "{}") == R"({"event":{"id":"1-2-3","type":"state","data":{}}})");
  const auto problem = nlohmann::json::parse(
      socket_problem({"null"}, refuse(ErrorCode::task_not_found, "no").error, "request"));
  CHECK(problem["ref"].is_null());
  CHECK(problem["problem"]["code"] == "TASK_NOT_FOUND");
  CHECK(problem["problem"]["request_id"] == "request");
}
