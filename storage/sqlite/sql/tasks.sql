-- A task's row, read whole in one place only; everything else finds keys and comes here.

-- name: task_by_key
SELECT seq, id, type, queue, priority, state, revision, attempt, max_attempts, token, timeout_ms,
       created_at, run_at, started_at, finished_at, due_wall, due_steady,
       deadline_at, deadline_wall, deadline_steady, expiry_wall, expiry_steady,
       stop_cause, stop_reason, tags, error, progress_percent, progress_message, progress_at,
       callback_events, is_private, cache_key IS NOT NULL
  FROM tasks WHERE seq = :seq;

-- name: key_by_id
SELECT seq FROM tasks WHERE id = :id;

-- name: input_by_key
SELECT payload, traceparent FROM task_inputs WHERE seq = :seq;

-- name: result_by_key
SELECT result FROM task_results WHERE seq = :seq;

-- name: renewal_by_key
SELECT relative_deadline_ms, relative_expiry_ms, unique_key FROM tasks WHERE seq = :seq;

-- name: task_with_unique_key
SELECT seq FROM tasks
 WHERE type = :type AND unique_key = :unique_key AND finished_at IS NULL AND stop_cause IS NULL;

-- name: share_task
UPDATE tasks SET is_private = 0 WHERE seq = :seq;

-- name: newest_key
SELECT max(seq) FROM tasks;

-- name: insert_task
INSERT INTO tasks (seq, id, type, queue, priority, state, revision, attempt, max_attempts, timeout_ms, created_at, run_at,
                   due_wall, due_steady, deadline_at, deadline_wall, deadline_steady, expiry_wall, expiry_steady,
                   relative_deadline_ms, relative_expiry_ms, tags, callback_events, unique_key, is_private, cache_key,
                   cache_stale_ms)
VALUES (:seq, :id, :type, :queue, :priority, :state, 1, 0, :max_attempts, :timeout_ms, :created_at, :run_at,
        :due_wall, :due_steady, :deadline_at, :deadline_wall, :deadline_steady, :expiry_wall, :expiry_steady,
        :relative_deadline_ms, :relative_expiry_ms, :tags, :callback_events, :unique_key, :is_private, :cache_key,
        :cache_stale_ms);

-- name: insert_input
INSERT INTO task_inputs (seq, payload, traceparent) VALUES (:seq, :payload, :traceparent);

-- name: insert_tag
INSERT INTO task_tags (name, value, task_id) VALUES (:name, :value, :task_id);

-- name: insert_result
INSERT INTO task_results (seq, result) VALUES (:seq, :result);

-- name: find_idempotency_key
SELECT body_hash, task_id FROM idempotency_keys WHERE scope = :scope AND key = :key;

-- name: insert_idempotency_key
INSERT INTO idempotency_keys (scope, key, body_hash, task_id, created_at)
VALUES (:scope, :key, :body_hash, :task_id, :created_at);
