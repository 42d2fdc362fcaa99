-- Removal of what is past its time.

-- name: finished_by_age
SELECT seq, finished_at, id, queue, tags, token IS NOT NULL,
       (SELECT max(status = 'pending') FROM deliveries WHERE task_seq = tasks.seq),
       (SELECT lines FROM task_log_totals WHERE task_log_totals.seq = tasks.seq)
  FROM tasks
 WHERE state = :state AND finished_at <= :until AND (finished_at, seq) > (:after_finished, :after_seq)
 ORDER BY finished_at, seq LIMIT :limit;

-- name: first_finished_behind
SELECT min(finished_at) FROM tasks WHERE state = :state AND finished_at > :after;

-- name: delete_log_tail
DELETE FROM task_logs WHERE seq = :seq AND n > :after;

-- name: shorten_log_totals
UPDATE task_log_totals SET lines = :lines, truncated = 1 WHERE seq = :seq;

-- name: delete_log
DELETE FROM task_logs WHERE seq = :seq;

-- name: delete_log_totals
DELETE FROM task_log_totals WHERE seq = :seq;

-- name: delete_attempts
DELETE FROM attempts WHERE seq = :seq;

-- name: delete_result
DELETE FROM task_results WHERE seq = :seq;

-- name: delete_input
DELETE FROM task_inputs WHERE seq = :seq;

-- name: delete_tag
DELETE FROM task_tags WHERE name = :name AND value = :value AND task_id = :task_id;

-- name: delete_callback
DELETE FROM task_callbacks WHERE seq = :seq;

-- name: deliveries_of_finished_task
SELECT seq FROM deliveries WHERE task_seq = :task_seq;

-- name: delete_delivery_attempts
DELETE FROM delivery_attempts WHERE delivery_seq = :delivery_seq;

-- name: delete_delivery_body
DELETE FROM delivery_bodies WHERE seq = :seq;

-- name: delete_deliveries
DELETE FROM deliveries WHERE task_seq = :task_seq AND status <> 'pending';

-- name: delete_task
DELETE FROM tasks WHERE seq = :seq AND finished_at IS NOT NULL;

-- name: mark_key_of_gone_task
UPDATE idempotency_keys SET gone_at = :gone_at WHERE task_id = :task_id;

-- name: keys_gone_until
SELECT scope, key FROM idempotency_keys WHERE gone_at <= :until ORDER BY gone_at LIMIT :limit;

-- name: delete_key
DELETE FROM idempotency_keys WHERE scope = :scope AND key = :key;

-- name: first_key_gone_behind
SELECT min(gone_at) FROM idempotency_keys WHERE gone_at > :after;

-- Space. A page of the file is either in use or on the list of free ones.

-- name: page_count
PRAGMA page_count;

-- name: free_page_count
PRAGMA freelist_count;

-- name: page_size
PRAGMA page_size;

-- name: vacuum_mode
PRAGMA auto_vacuum;

-- name: give_pages_back
PRAGMA incremental_vacuum(32);
