// The messages of a WebSocket (subprotocol longhaul.v1): what a client says, read and checked, and what it is
// answered. Every message is one JSON object:
//
//   client  {"op": "subscribe" | "unsubscribe" | "start" | "cancel", "ref": any JSON, ...}
//   server  {"ref", "ok": ...} or {"ref", "problem": {...}}, once for each of the client's
//           {"event": {"id", "type", "data": the task's status}}
//
// Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "api/problem.h"
#include "api/task.h"
#include "api/task_query.h"
#include "base/result.h"

namespace longhaul::api {

inline constexpr std::string_view socket_protocol = "longhaul.v1";

struct SocketSubscribe {
  std::variant<TaskId, TaskFilter> subject;  // one task, or all that pass
  std::optional<std::string> last_event_id;  // go on behind this event
};
struct SocketUnsubscribe {
  std::optional<std::string> subscription;  // nothing: the ones that were asked for with this request's `ref`
};
struct SocketStart {
  RawJson task;                                // the body of a start, not judged yet
  std::optional<std::string> idempotency_key;  // sound
};
struct SocketCancel {
  TaskId task_id;
  std::string reason;  // empty: none
};

struct SocketRequest {
  RawJson ref{"null"};  // comes back with the answer
  std::variant<SocketSubscribe, SocketUnsubscribe, SocketStart, SocketCancel> order;
};
struct SocketRefusal {
  RawJson ref{"null"};
  Problem problem;
};

// 400 for what is not JSON (its `ref` is unknown then, so null), 422 with every fault for what is wrong, 404 for
// the id of no task.
[[nodiscard]] base::Result<SocketRequest, SocketRefusal> parse_socket_request(std::string_view message);

// The problem of a start's body, its pointers put below the member that the body was in ("#/task/type").
[[nodiscard]] Problem in_member_task(Problem problem);

[[nodiscard]] std::string socket_ok(const RawJson& ref, std::string_view ok_json);
[[nodiscard]] std::string socket_problem(const RawJson& ref, const Problem& problem,
                                         std::string_view request_id);
[[nodiscard]] std::string socket_event(std::string_view id, std::string_view type,
                                       std::string_view data_json);

}  // namespace longhaul::api
