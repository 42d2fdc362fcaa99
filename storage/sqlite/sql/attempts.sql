-- name: insert_attempt
INSERT INTO attempts (seq, attempt, started_at, outcome, worker)
VALUES (:seq, :attempt, :started_at, 'running', :worker);

-- name: end_attempt
UPDATE attempts SET outcome = :outcome, finished_at = :finished_at, error = :error, exit_code = :exit_code,
                    signal = :signal, peak_memory_bytes = :peak_memory_bytes, cpu_seconds = :cpu_seconds
 WHERE token = :token AND outcome = 'running';

-- name: record_process
UPDATE attempts SET pid = :pid, start_ticks = :start_ticks, boot_id = :boot_id
 WHERE token = :token AND outcome = 'running';

-- name: attempts_of_task
SELECT token, attempt, started_at, finished_at, outcome, error, worker, exit_code, signal, peak_memory_bytes, cpu_seconds
  FROM attempts WHERE seq = :seq ORDER BY token;

-- name: open_attempts
SELECT tasks.seq, attempts.worker, attempts.pid, attempts.start_ticks, attempts.boot_id
  FROM tasks JOIN attempts ON attempts.token = tasks.token
 WHERE tasks.state IN ('running', 'cancelling') AND tasks.state <> 'succeeded'
 ORDER BY attempts.token;
