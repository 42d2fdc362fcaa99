-- Registered webhooks: who they are, their secrets, and what is owed to them.

CREATE TABLE webhooks (
  seq             INTEGER PRIMARY KEY,  -- in the order in which they were registered
  id              BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
  url             TEXT    NOT NULL,
  events          INTEGER CHECK (events > 0),  -- bit n is event n of api/webhook_event.h; NULL: every event
  types           TEXT    NOT NULL,            -- names of task types, one a line; empty: all
  queues          TEXT    NOT NULL,            -- likewise
  description     TEXT    NOT NULL,
  created_at      INTEGER NOT NULL,
  generation      INTEGER NOT NULL DEFAULT 0,  -- one more with each new URL, and each time it is enabled
  failing_steady  INTEGER,                     -- no attempt has succeeded since then
  disabled_cause  TEXT,
  disabled_at     INTEGER,
  failed_for_ms   INTEGER,

  CONSTRAINT cause_has_name CHECK (disabled_cause = 'request' OR disabled_cause = 'gone' OR disabled_cause = 'failing'),
  CONSTRAINT disabled_has_time CHECK ((disabled_cause IS NULL) = (disabled_at IS NULL)),
  CONSTRAINT failing_has_length CHECK ((disabled_cause IS 'failing') = (failed_for_ms IS NOT NULL))
) STRICT;

-- The greater n, the younger. All but the youngest have a time, and sign until then.
CREATE TABLE webhook_secrets (
  webhook_id   BLOB    NOT NULL REFERENCES webhooks (id),
  n            INTEGER NOT NULL CHECK (n >= 1),
  secret       TEXT    NOT NULL,
  until_steady INTEGER,
  PRIMARY KEY (webhook_id, n)
) STRICT, WITHOUT ROWID;

-- The outbox, made anew: a delivery may be owed to a registered webhook, and then it may be of no task. A key is never used
-- twice: whoever delivers knows deliveries by their keys, also those that are removed meanwhile.
CREATE TABLE deliveries_with_webhooks (
  seq             INTEGER PRIMARY KEY AUTOINCREMENT,
  id              BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),  -- what the receiver knows it by: webhook-id
  webhook_id      BLOB,     -- no reference: it outlives its webhook. NULL: a callback of its task
  task_seq        INTEGER REFERENCES tasks (seq),                   -- NULL: a test of the webhook
  event           TEXT    NOT NULL,
  url             TEXT    NOT NULL,  -- when it was written; that of a webhook may have changed since
  body_seq        INTEGER REFERENCES deliveries (seq),  -- who has its body: another of the same event. NULL: itself
  status          TEXT    NOT NULL,
  exhausted_cause TEXT,
  attempts        INTEGER NOT NULL CHECK (attempts >= 0),
  round           INTEGER NOT NULL DEFAULT 0 CHECK (round >= 0),        -- how often it was asked for again
  round_began     INTEGER NOT NULL DEFAULT 0 CHECK (round_began >= 0),  -- attempts that were made before that
  due_steady      INTEGER,  -- of the next attempt
  created_at      INTEGER NOT NULL,
  finished_at     INTEGER,

  CONSTRAINT is_of_somebody CHECK (task_seq IS NOT NULL OR webhook_id IS NOT NULL),
  CONSTRAINT status_has_name CHECK (status = 'pending' OR status = 'delivered' OR status = 'exhausted'),
  CONSTRAINT exhausted_has_cause CHECK ((status = 'exhausted') = (exhausted_cause IS NOT NULL)),
  CONSTRAINT pending_has_due CHECK ((status = 'pending') = (due_steady IS NOT NULL)),
  CONSTRAINT finished_is_not_pending CHECK ((status = 'pending') = (finished_at IS NULL)),
  CONSTRAINT delivered_was_tried CHECK (status <> 'delivered' OR attempts >= 1),
  CONSTRAINT round_is_within CHECK (round_began <= attempts)
) STRICT;
INSERT INTO deliveries_with_webhooks (seq, id, task_seq, event, url, status, exhausted_cause, attempts, due_steady, created_at,
                                      finished_at)
SELECT seq, id, task_seq, event, url, status,
       CASE WHEN status <> 'exhausted' THEN NULL
            WHEN (SELECT response_status FROM delivery_attempts WHERE delivery_seq = seq AND n = attempts) = 410 THEN 'gone'
            ELSE 'attempts' END,
       attempts, due_steady, created_at, finished_at
  FROM deliveries;
DROP TABLE deliveries;
ALTER TABLE deliveries_with_webhooks RENAME TO deliveries;
CREATE INDEX deliveries_due ON deliveries (due_steady) WHERE due_steady IS NOT NULL;
CREATE INDEX deliveries_of_task ON deliveries (task_seq) WHERE task_seq IS NOT NULL;
CREATE INDEX deliveries_of_webhook ON deliveries (webhook_id) WHERE webhook_id IS NOT NULL;
-- What a webhook was not told.
CREATE INDEX deliveries_exhausted ON deliveries (webhook_id) WHERE webhook_id IS NOT NULL AND status = 'exhausted';
CREATE INDEX deliveries_of_tests ON deliveries (webhook_id) WHERE task_seq IS NULL;
