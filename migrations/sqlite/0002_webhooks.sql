-- Callbacks of tasks, what is owed to them, and the attempts to deliver it.

-- Which events a task's callback is told of: bit n is event n of api/webhook_event.h. 0: it has no callback.
ALTER TABLE tasks ADD COLUMN callback_events INTEGER NOT NULL DEFAULT 0 CHECK (callback_events >= 0);

CREATE TABLE task_callbacks (
  seq INTEGER PRIMARY KEY REFERENCES tasks (seq),
  url TEXT    NOT NULL
) STRICT;

-- The outbox. A row is written in the transaction of the change that it tells of, and owed until it is finished.
CREATE TABLE deliveries (
  seq         INTEGER PRIMARY KEY,
  id          BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),  -- what the receiver knows it by: webhook-id
  task_seq    INTEGER NOT NULL REFERENCES tasks (seq),
  event       TEXT    NOT NULL,
  url         TEXT    NOT NULL,
  status      TEXT    NOT NULL,
  attempts    INTEGER NOT NULL CHECK (attempts >= 0),
  due_steady  INTEGER,  -- of the next attempt
  created_at  INTEGER NOT NULL,
  finished_at INTEGER,

  CONSTRAINT status_has_name CHECK (status = 'pending' OR status = 'delivered' OR status = 'exhausted'),
  CONSTRAINT pending_has_due CHECK ((status = 'pending') = (due_steady IS NOT NULL)),
  CONSTRAINT finished_is_not_pending CHECK ((status = 'pending') = (finished_at IS NULL)),
  CONSTRAINT delivered_was_tried CHECK (status <> 'delivered' OR attempts >= 1)
) STRICT;
CREATE INDEX deliveries_due ON deliveries (due_steady) WHERE due_steady IS NOT NULL;
CREATE INDEX deliveries_of_task ON deliveries (task_seq);

-- What is sent, each time the same bytes. Apart from the row that changes with every attempt.
CREATE TABLE delivery_bodies (
  seq  INTEGER PRIMARY KEY REFERENCES deliveries (seq),
  body TEXT    NOT NULL
) STRICT;

CREATE TABLE delivery_attempts (
  delivery_seq    INTEGER NOT NULL REFERENCES deliveries (seq),
  n               INTEGER NOT NULL CHECK (n >= 1),
  started_at      INTEGER NOT NULL,
  duration_ms     INTEGER NOT NULL CHECK (duration_ms >= 0),
  remote_address  TEXT    NOT NULL,  -- empty: no connection was made
  response_status INTEGER,
  error           TEXT    NOT NULL,  -- empty: none
  response_body   BLOB    NOT NULL,  -- its beginning
  PRIMARY KEY (delivery_seq, n)
) STRICT, WITHOUT ROWID;

-- Made at the first start and kept for good.
CREATE TABLE secrets (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
