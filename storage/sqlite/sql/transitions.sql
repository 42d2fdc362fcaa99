-- The changes of a task's state, one statement for each kind (api/task_state.h). Each repeats in its WHERE where the task must
-- come from, and the token of the attempt where there is one: if that does not fit, no row changes and the writer notices.

-- name: become_due
UPDATE tasks SET state = 'queued', revision = revision + 1, due_wall = NULL, due_steady = NULL
 WHERE seq = :seq AND state = 'scheduled';

-- name: start_attempt
UPDATE tasks SET state = 'running', revision = revision + 1, attempt = attempt + 1, token = :token,
                 started_at = :started_at, expiry_wall = NULL, expiry_steady = NULL,
                 progress_percent = NULL, progress_message = NULL, progress_at = NULL
 WHERE seq = :seq AND state = 'queued';

-- name: end_running
UPDATE tasks SET state = :to, revision = revision + 1, finished_at = :finished_at, error = :error,
                 deadline_wall = NULL, deadline_steady = NULL
 WHERE seq = :seq AND state = 'running' AND token = :token;

-- name: retry_later
UPDATE tasks SET state = 'scheduled', revision = revision + 1, due_steady = :due_steady, run_at = :run_at
 WHERE seq = :seq AND state = 'running' AND token = :token;

-- name: give_back
UPDATE tasks SET state = 'queued', revision = revision + 1, attempt = attempt - 1
 WHERE seq = :seq AND state = 'running' AND token = :token;

-- name: ask_to_stop
UPDATE tasks SET state = 'cancelling', revision = revision + 1, stop_cause = :stop_cause, stop_reason = :stop_reason,
                 deadline_wall = NULL, deadline_steady = NULL
 WHERE seq = :seq AND state = 'running' AND token = :token;

-- name: end_stopped
UPDATE tasks SET state = :to, revision = revision + 1, finished_at = :finished_at, error = :error,
                 stop_cause = NULL, stop_reason = NULL
 WHERE seq = :seq AND state = 'cancelling' AND token = :token;

-- name: end_waiting
UPDATE tasks SET state = :to, revision = revision + 1, finished_at = :finished_at, error = :error,
                 due_wall = NULL, due_steady = NULL, deadline_wall = NULL, deadline_steady = NULL,
                 expiry_wall = NULL, expiry_steady = NULL
 WHERE seq = :seq AND state = :from;

-- name: reopen
UPDATE tasks SET state = 'queued', revision = revision + 1, attempt = 0, run_at = :run_at,
                 started_at = NULL, finished_at = NULL, error = NULL, is_private = 0,
                 deadline_at = :deadline_at, deadline_wall = :deadline_wall, deadline_steady = :deadline_steady,
                 relative_deadline_ms = :relative_deadline_ms,
                 expiry_wall = NULL, expiry_steady = :expiry_steady,
                 progress_percent = NULL, progress_message = NULL, progress_at = NULL
 WHERE seq = :seq AND state = :from;
