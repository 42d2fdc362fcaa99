// What the spawner is told of an attempt: the type's arguments, nothing from a request among them, and the
// environment of its program, which is the type's and our own variables and nothing else.
#pragma once

#include "worker/executor.h"
#include "worker/process/spawn_protocol.h"

namespace longhaul::worker::process {

[[nodiscard]] SpawnRequest make_spawn_request(const AttemptOrder& order);

}  // namespace longhaul::worker::process
