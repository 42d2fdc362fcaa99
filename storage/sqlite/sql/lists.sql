-- Lists give keys and what filters look at; the reader steps as far as it needs, so there is no LIMIT here.
-- `state <> 'succeeded'` is for the planner: without it, it does not use the partial index.

-- name: list_by_id
SELECT seq, id, state, type, queue FROM tasks
 WHERE id < :before AND id > :after ORDER BY id DESC;

-- name: list_by_state
SELECT seq, id, state, type, queue FROM tasks
 WHERE state = :state AND state <> 'succeeded' AND id < :before AND id > :after ORDER BY id DESC;

-- name: list_by_tag
SELECT tasks.seq, tasks.id, tasks.state, tasks.type, tasks.queue
  FROM task_tags CROSS JOIN tasks ON tasks.id = task_tags.task_id
 WHERE task_tags.name = :name AND task_tags.value = :value
   AND task_tags.task_id < :before AND task_tags.task_id > :after
 ORDER BY task_tags.task_id DESC;

-- name: has_tag
SELECT 1 FROM task_tags WHERE name = :name AND value = :value AND task_id = :id;

-- Claiming order: priority down, then run_at, then seq. A page goes on first within the priority of the last one, then below
-- it: as one condition that would scan the lane from its head each time.

-- name: ready_from_start
SELECT seq, priority, run_at FROM tasks
 WHERE state = 'queued' AND queue = :queue AND type = :type
 ORDER BY priority DESC, run_at, seq LIMIT :limit;

-- name: ready_same_priority
SELECT seq, priority, run_at FROM tasks
 WHERE state = 'queued' AND queue = :queue AND type = :type AND priority = :priority AND (run_at, seq) > (:run_at, :seq)
 ORDER BY run_at, seq LIMIT :limit;

-- name: ready_lower_priority
SELECT seq, priority, run_at FROM tasks
 WHERE state = 'queued' AND queue = :queue AND type = :type AND priority < :priority
 ORDER BY priority DESC, run_at, seq LIMIT :limit;

-- name: ready_lanes
SELECT queue, type, count(*) FROM tasks WHERE state = 'queued' GROUP BY queue, type;

-- Counts at start: queued tasks by ready_lanes, final ones within an index, the succeeded as the rest. What is left is stepped
-- through and counted by the reader, for a GROUP BY would sort it all in memory.

-- name: queue_and_state_of_unqueued
SELECT queue, state FROM tasks WHERE state IN ('scheduled', 'running', 'paused', 'cancelling') AND state <> 'succeeded';

-- name: count_failures
SELECT state, count(*) FROM tasks
 WHERE state IN ('failed', 'cancelled', 'timed_out') AND state <> 'succeeded' GROUP BY state;

-- name: count_all
SELECT count(*) FROM tasks;
