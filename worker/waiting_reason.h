// Why a waiting task is not running, in the words of the API. Pure: looks at what the dispatcher has in
// memory.
#pragma once

#include <optional>

#include "api/task_json.h"
#include "storage/store.h"
#include "worker/capacity.h"
#include "worker/ready_queue.h"

namespace longhaul::worker {

[[nodiscard]] storage::ReadyTask ready_task_of(const api::TaskSnapshot& task);

// A scheduled task: not_due, or retry_backoff after an attempt.
[[nodiscard]] api::WaitingFor explain_scheduled(const api::TaskSnapshot& task, const storage::Now& now);

// A queued task of a type that this server cannot run: no_worker_for_type.
[[nodiscard]] api::WaitingFor explain_unknown_type(const api::TaskSnapshot& task);

// Any other queued task. The first that holds: its type (or what runs this kind of type) is full, others are
// ahead of it in its queue, its queue is full. Nothing when none holds: its claim is on the way.
[[nodiscard]] std::optional<api::WaitingFor> explain_queued(const api::TaskSnapshot& task,
                                                            const TaskType& type, const Capacity& capacity,
                                                            const ReadyQueue& ready);

}  // namespace longhaul::worker
