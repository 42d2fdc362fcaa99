-- Registered webhooks and their secrets.

-- name: all_webhooks
SELECT id, url, events, types, queues, description, created_at, failing_steady, disabled_cause, disabled_at,
       failed_for_ms, (SELECT max(until_steady) FROM webhook_secrets WHERE webhook_id = id)
  FROM webhooks ORDER BY seq;

-- name: webhook
SELECT id, url, events, types, queues, description, created_at, failing_steady, disabled_cause, disabled_at,
       failed_for_ms, (SELECT max(until_steady) FROM webhook_secrets WHERE webhook_id = id)
  FROM webhooks WHERE id = :id;

-- name: count_webhooks
SELECT count(*) FROM webhooks;

-- name: insert_webhook
INSERT INTO webhooks (id, url, events, types, queues, description, created_at)
VALUES (:id, :url, :events, :types, :queues, :description, :created_at);

-- name: change_webhook
UPDATE webhooks SET url = :url, events = :events, types = :types, queues = :queues, description = :description
 WHERE id = :id;

-- name: disable_webhook
UPDATE webhooks SET disabled_cause = :cause, disabled_at = :at, failed_for_ms = :failed_for WHERE id = :id;

-- name: webhook_began_anew
UPDATE webhooks SET disabled_cause = NULL, disabled_at = NULL, failed_for_ms = NULL, failing_steady = NULL,
                    generation = generation + 1
 WHERE id = :id;

-- name: webhook_works
UPDATE webhooks SET failing_steady = NULL WHERE id = :id AND failing_steady IS NOT NULL;

-- name: webhook_fails
UPDATE webhooks SET failing_steady = :now WHERE id = :id AND failing_steady IS NULL;

-- name: standing_of_webhook
SELECT failing_steady, disabled_cause IS NOT NULL FROM webhooks WHERE id = :id;

-- name: endpoint_of_webhook
SELECT url, disabled_cause IS NOT NULL, generation FROM webhooks WHERE id = :id;

-- name: generation_of_webhook
SELECT generation FROM webhooks WHERE id = :id;

-- name: secrets_that_sign
SELECT secret FROM webhook_secrets
 WHERE webhook_id = :webhook_id AND (until_steady IS NULL OR until_steady > :now)
 ORDER BY n DESC;

-- name: delete_webhook
DELETE FROM webhooks WHERE id = :id;

-- name: newest_secret
SELECT n FROM webhook_secrets WHERE webhook_id = :webhook_id ORDER BY n DESC LIMIT 1;

-- name: insert_secret
INSERT INTO webhook_secrets (webhook_id, n, secret) VALUES (:webhook_id, :n, :secret);

-- name: secret_signs_until
UPDATE webhook_secrets SET until_steady = :until_steady WHERE webhook_id = :webhook_id AND n = :n;

-- name: delete_old_secrets
DELETE FROM webhook_secrets WHERE webhook_id = :webhook_id AND (until_steady <= :now OR n <= :n);

-- name: delete_secrets
DELETE FROM webhook_secrets WHERE webhook_id = :webhook_id;
