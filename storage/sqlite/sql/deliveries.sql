-- The outbox: what webhooks owe and what became of it.

-- name: callback_of_task
SELECT url FROM task_callbacks WHERE seq = :seq;

-- name: insert_callback
INSERT INTO task_callbacks (seq, url) VALUES (:seq, :url);

-- name: insert_delivery
INSERT INTO deliveries (id, webhook_id, task_seq, event, url, body_seq, status, exhausted_cause, attempts, due_steady,
                        created_at, finished_at)
VALUES (:id, :webhook_id, :task_seq, :event, :url, :body_seq, :status, :exhausted_cause, 0, :due_steady, :created_at,
        :finished_at);

-- name: insert_delivery_body
INSERT INTO delivery_bodies (seq, body) VALUES (:seq, :body);

-- name: pending_delivery
SELECT attempts, round, due_steady, webhook_id FROM deliveries WHERE seq = :seq AND status = 'pending';

-- name: insert_delivery_attempt
INSERT INTO delivery_attempts (delivery_seq, n, started_at, duration_ms, remote_address, response_status, error,
                               response_body)
VALUES (:delivery_seq, :n, :started_at, :duration_ms, :remote_address, :response_status, :error, :response_body);

-- name: forget_old_attempts
DELETE FROM delivery_attempts WHERE delivery_seq = :delivery_seq AND n <= :n;

-- name: move_delivery
UPDATE deliveries SET status = :status, exhausted_cause = :exhausted_cause, attempts = :attempts, due_steady = :due_steady,
                      finished_at = :finished_at
 WHERE seq = :seq AND status = 'pending';

-- name: delivery_to_send
SELECT seq, status = 'pending', webhook_id FROM deliveries WHERE id = :id;

-- name: send_again
UPDATE deliveries SET status = 'pending', exhausted_cause = NULL, due_steady = :now, finished_at = NULL, round = round + 1,
                      round_began = attempts
 WHERE seq = :seq;

-- What a webhook was not told, oldest first.

-- name: exhausted_of_webhook
SELECT seq, id, created_at FROM deliveries
 WHERE webhook_id = :webhook_id AND status = 'exhausted' AND seq > :after ORDER BY seq LIMIT :limit;

-- Newest first.

-- name: tests_of_webhook
SELECT seq, status = 'pending' FROM deliveries WHERE webhook_id = :webhook_id AND task_seq IS NULL ORDER BY seq DESC;

-- name: delete_delivery
DELETE FROM deliveries WHERE seq = :seq;

-- name: owed_deliveries
SELECT seq, id, due_steady, url, webhook_id
  FROM deliveries
 WHERE due_steady IS NOT NULL AND (due_steady, seq) > (:due_steady, :seq)
 ORDER BY due_steady, seq LIMIT :limit;

-- Of many at once, "[1,2,3]", in this order.

-- name: delivery_contents
SELECT deliveries.seq, deliveries.id, webhook_id, url, delivery_bodies.body, task_inputs.traceparent,
       attempts - round_began, round
  FROM json_each(:seqs) AS wanted
  CROSS JOIN deliveries ON deliveries.seq = wanted.value
  JOIN delivery_bodies ON delivery_bodies.seq = coalesce(body_seq, deliveries.seq)
  LEFT JOIN task_inputs ON task_inputs.seq = deliveries.task_seq
 WHERE deliveries.status = 'pending';

-- name: delivery_summary
SELECT deliveries.id, webhook_id, tasks.id, event, coalesce(webhooks.url, deliveries.url), status, exhausted_cause,
       attempts, deliveries.created_at, deliveries.due_steady, deliveries.finished_at,
       delivery_attempts.started_at, duration_ms, remote_address, response_status, delivery_attempts.error, response_body
  FROM deliveries
  LEFT JOIN tasks ON tasks.seq = task_seq
  LEFT JOIN webhooks ON webhooks.id = webhook_id
  LEFT JOIN delivery_attempts ON delivery_seq = deliveries.seq AND n = attempts
 WHERE deliveries.seq = :seq;

-- name: keys_of_deliveries_of_task
SELECT seq FROM deliveries WHERE task_seq = :task_seq ORDER BY seq;

-- name: deliveries_of_webhook
SELECT seq, status FROM deliveries WHERE webhook_id = :webhook_id AND seq < :before ORDER BY seq DESC;

-- name: attempts_of_delivery
SELECT started_at, duration_ms, remote_address, response_status, error, response_body
  FROM delivery_attempts WHERE delivery_seq = :delivery_seq ORDER BY n;

-- name: count_deliveries_of_task
SELECT count(*) FILTER (WHERE status = 'pending'), count(*) FILTER (WHERE status = 'delivered'),
       count(*) FILTER (WHERE status = 'exhausted')
  FROM deliveries WHERE task_seq = :task_seq;

-- name: keep_secret
INSERT OR IGNORE INTO secrets (name, value) VALUES (:name, :value);

-- name: secret
SELECT value FROM secrets WHERE name = :name;
