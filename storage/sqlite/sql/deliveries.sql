-- The outbox: what webhooks owe and what became of it.

-- name: callback_of_task
SELECT url FROM task_callbacks WHERE seq = :seq;

-- name: insert_callback
INSERT INTO task_callbacks (seq, url) VALUES (:seq, :url);

-- name: insert_delivery
INSERT INTO deliveries (id, task_seq, event, url, status, attempts, due_steady, created_at)
VALUES (:id, :task_seq, :event, :url, 'pending', 0, :due_steady, :created_at);

-- name: insert_delivery_body
INSERT INTO delivery_bodies (seq, body) VALUES (:seq, :body);

-- name: pending_delivery
SELECT attempts FROM deliveries WHERE seq = :seq AND status = 'pending';

-- name: insert_delivery_attempt
INSERT INTO delivery_attempts (delivery_seq, n, started_at, duration_ms, remote_address, response_status, error,
                               response_body)
VALUES (:delivery_seq, :n, :started_at, :duration_ms, :remote_address, :response_status, :error, :response_body);

-- name: move_delivery
UPDATE deliveries SET status = :status, attempts = attempts + 1, due_steady = :due_steady, finished_at = :finished_at
 WHERE seq = :seq AND status = 'pending';

-- name: owed_deliveries
SELECT seq, id, due_steady, url FROM deliveries
 WHERE due_steady IS NOT NULL AND (due_steady, seq) > (:due_steady, :seq)
 ORDER BY due_steady, seq LIMIT :limit;

-- name: delivery_content
SELECT deliveries.id, deliveries.url, delivery_bodies.body, task_inputs.traceparent, deliveries.attempts
  FROM deliveries
  JOIN delivery_bodies ON delivery_bodies.seq = deliveries.seq
  LEFT JOIN task_inputs ON task_inputs.seq = deliveries.task_seq
 WHERE deliveries.seq = :seq AND deliveries.status = 'pending';

-- name: deliveries_of_task
SELECT deliveries.id, event, url, status, attempts, created_at, due_steady, finished_at,
       started_at, duration_ms, remote_address, response_status, error, response_body
  FROM deliveries
  LEFT JOIN delivery_attempts ON delivery_seq = deliveries.seq AND n = deliveries.attempts
 WHERE task_seq = :task_seq ORDER BY deliveries.seq;

-- name: count_deliveries_of_task
SELECT count(*) FILTER (WHERE status = 'pending'), count(*) FILTER (WHERE status = 'delivered'),
       count(*) FILTER (WHERE status = 'exhausted')
  FROM deliveries WHERE task_seq = :task_seq;

-- name: keep_secret
INSERT OR IGNORE INTO secrets (name, value) VALUES (:name, :value);

-- name: secret
SELECT value FROM secrets WHERE name = :name;
