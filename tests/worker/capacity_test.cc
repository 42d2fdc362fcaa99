#include "worker/capacity.h"

#include <doctest/doctest.h>

#include "tests/worker/borrowed_type.h"

using namespace longhaul;
using namespace longhaul::worker;

namespace {

TaskType make_type(std::string name, TaskKind kind, std::optional<int> concurrency) {
  TaskType type;
  type.name = std::move(name);
  type.kind = kind;
  type.concurrency = concurrency;
  return type;
}

}  // namespace

TEST_CASE("capacity: queue, type and executor each have their limit") {
  TaskTypes types;
  types.add(make_type("narrow", TaskKind::builtin, 2));
  types.add(make_type("wide", TaskKind::builtin, std::nullopt));
  types.add(make_type("program", TaskKind::command, std::nullopt));
  types.set_queue("small", {3});
  Capacity capacity(tests::borrowed(types));
  const TaskType narrow = *types.find("narrow");
  const TaskType wide = *types.find("wide");
  const TaskType program = *types.find("program");

  CHECK_FALSE(capacity.has_room());  // no executor yet
  CHECK_FALSE(capacity.type_has_room(narrow));
  capacity.set_places(TaskKind::builtin, 4);
  CHECK(capacity.has_room());
  CHECK(capacity.type_has_room(narrow));
  CHECK_FALSE(capacity.type_has_room(program));

  capacity.reserve("small", narrow);
  CHECK(capacity.type_has_room(narrow));
  capacity.reserve("small", narrow);
  CHECK_FALSE(capacity.type_has_room(narrow));
  CHECK(capacity.type_has_room(wide));
  CHECK(capacity.queue_has_room("small"));
  capacity.reserve("small", wide);
  CHECK_FALSE(capacity.queue_has_room("small"));
  CHECK(capacity.queue_has_room("other"));
  capacity.reserve("other", wide);
  CHECK_FALSE(capacity.type_has_room(wide));  // the executor is full
  CHECK_FALSE(capacity.has_room());
  CHECK(capacity.held_by_queue("small") == 3);
  CHECK(capacity.held_by_type("wide") == 2);

  capacity.release("small", narrow);
  CHECK(capacity.queue_has_room("small"));
  CHECK(capacity.type_has_room(narrow));
  CHECK(capacity.has_room());
  capacity.release("small", narrow);
  capacity.release("small", wide);
  capacity.release("other", wide);
  CHECK(capacity.held_by_queue("small") == 0);
  CHECK(capacity.held_by_type("wide") == 0);
  for (int i = 0; i < 4; ++i) capacity.reserve("any" + std::to_string(i), wide);
  CHECK_FALSE(capacity.executor_has_room(TaskKind::builtin));
}

TEST_CASE("capacity: a queue that is not configured works with the default limit") {
  TaskTypes types;
  types.add(make_type("any", TaskKind::builtin, std::nullopt));
  Capacity capacity(tests::borrowed(types));
  capacity.set_places(TaskKind::builtin, 100);
  for (int i = 0; i < QueueLimits{}.concurrency; ++i) {
    CHECK(capacity.queue_has_room("unheard-of"));
    capacity.reserve("unheard-of", *types.find("any"));
  }
  CHECK_FALSE(capacity.queue_has_room("unheard-of"));
}
