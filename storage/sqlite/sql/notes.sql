-- Log lines and progress.

-- name: log_totals
SELECT lines, bytes, truncated FROM task_log_totals WHERE seq = :seq;

-- name: set_log_totals
INSERT INTO task_log_totals (seq, lines, bytes, truncated) VALUES (:seq, :lines, :bytes, :truncated)
    ON CONFLICT (seq) DO UPDATE SET lines = excluded.lines, bytes = excluded.bytes, truncated = excluded.truncated;

-- name: insert_log_line
INSERT INTO task_logs (seq, n, at, stream, text) VALUES (:seq, :n, :at, :stream, :text);

-- name: log_lines
SELECT n, at, stream, text FROM task_logs WHERE seq = :seq AND n > :after ORDER BY n LIMIT :limit;

-- name: record_progress
UPDATE tasks SET progress_percent = :percent, progress_message = :message, progress_at = :at
 WHERE seq = :seq AND token = :token AND state IN ('running', 'cancelling');
