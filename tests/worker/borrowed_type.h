// A type that a test keeps and may still change, where shared ownership is asked for: it must outlive its use.
#pragma once

#include "worker/task_type.h"

namespace longhaul::tests {

[[nodiscard]] inline worker::TaskTypePtr borrowed(const worker::TaskType& type) {
  return {worker::TaskTypePtr(), &type};
}
[[nodiscard]] inline worker::TaskTypesPtr borrowed(const worker::TaskTypes& types) {
  return {worker::TaskTypesPtr(), &types};
}

}  // namespace longhaul::tests
