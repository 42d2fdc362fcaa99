-- What a store tells of itself. A queue's oldest task stands at the head of one of its lanes (type and priority), and the heads
-- are found by stepping from lane to lane within the index tasks_ready.

-- name: first_lane_behind_type
SELECT type, priority, run_at FROM tasks
 WHERE state = 'queued' AND queue = :queue AND type > :type
 ORDER BY type, priority DESC, run_at LIMIT 1;

-- name: next_lane_of_type
SELECT priority, run_at FROM tasks
 WHERE state = 'queued' AND queue = :queue AND type = :type AND priority < :priority
 ORDER BY priority DESC, run_at LIMIT 1;

-- name: queued_by_creation
SELECT queue, run_at FROM tasks WHERE state = 'queued' AND state <> 'succeeded' ORDER BY id LIMIT :limit;

-- name: count_owed_deliveries
SELECT count(*) FROM deliveries WHERE due_steady IS NOT NULL;
