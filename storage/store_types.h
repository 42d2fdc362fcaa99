// What every part of the store speaks of: its errors, its callbacks, and the two times of "now". Values.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "api/task.h"
#include "base/result.h"

namespace longhaul::storage {

using api::AttemptToken;
using api::Milliseconds;
using api::RawJson;
using api::SteadyTime;
using api::TaskId;
using api::TaskKey;
using api::TaskSnapshotPtr;
using api::TaskState;
using api::WallTime;

enum class StoreFault : std::uint8_t {
  lane_full,     // too much is waiting to be written: try again later
  storage_full,  // the disk, or a quota
  unavailable,   // the store is stopping, or the database cannot be used
};
struct StoreError {
  StoreFault fault = StoreFault::unavailable;
  std::string message;
};
template <class T>
using StoreResult = base::Result<T, StoreError>;
template <class T>
using Done = std::function<void(StoreResult<T>)>;

// Both times at once: what "now" is for a change.
struct Now {
  WallTime wall;
  SteadyTime steady;
};

}  // namespace longhaul::storage
