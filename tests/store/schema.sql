CREATE TABLE attempts (
  token             INTEGER PRIMARY KEY AUTOINCREMENT,
  seq               INTEGER NOT NULL REFERENCES tasks (seq),
  attempt           INTEGER NOT NULL CHECK (attempt BETWEEN 1 AND 100),
  started_at        INTEGER NOT NULL,
  finished_at       INTEGER,
  outcome           TEXT    NOT NULL CHECK (outcome = 'running' OR outcome = 'succeeded' OR outcome = 'failed' OR
                                            outcome = 'timed_out' OR outcome = 'cancelled' OR outcome = 'lost' OR
                                            outcome = 'released'),
  error             TEXT,
  worker            TEXT    NOT NULL,
  exit_code         INTEGER,
  signal            INTEGER,
  peak_memory_bytes INTEGER,
  cpu_seconds       REAL,
  pid               INTEGER,  -- with the two below: which process it is, never mistaken for a later one
  start_ticks       INTEGER,
  boot_id           TEXT,

  CONSTRAINT ended_has_outcome CHECK ((outcome = 'running') = (finished_at IS NULL)),
  CONSTRAINT process_is_whole CHECK ((pid IS NULL) = (boot_id IS NULL) AND (pid IS NULL) = (start_ticks IS NULL))
) STRICT;

CREATE TABLE boot (
  id        INTEGER PRIMARY KEY CHECK (id = 1),
  boot_id   TEXT    NOT NULL,
  offset_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE cache_size (
  id    INTEGER PRIMARY KEY CHECK (id = 1),
  bytes INTEGER NOT NULL CHECK (bytes >= 0)
) STRICT;

CREATE TABLE cached_results (
  seq            INTEGER PRIMARY KEY,
  type           TEXT    NOT NULL,
  key            TEXT    NOT NULL,
  queue          TEXT    NOT NULL,
  made_steady    INTEGER NOT NULL,
  expires_steady INTEGER NOT NULL,
  bytes          INTEGER NOT NULL CHECK (bytes > 0),  -- what it counts against the limit
  status         TEXT    NOT NULL,                    -- the status of the task that made it, as a start is answered with it
  UNIQUE (type, key, queue)
) STRICT;

CREATE TABLE "deliveries" (
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

CREATE TABLE delivery_bodies (
  seq  INTEGER PRIMARY KEY REFERENCES deliveries (seq),
  body TEXT    NOT NULL
) STRICT;

CREATE TABLE idempotency_keys (
  scope      TEXT    NOT NULL,
  key        TEXT    NOT NULL,
  body_hash  BLOB    NOT NULL,
  task_id    BLOB    NOT NULL CHECK (length(task_id) = 16),
  created_at INTEGER NOT NULL, gone_at INTEGER,
  PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE schema_migrations (
  number     INTEGER PRIMARY KEY,
  name       TEXT    NOT NULL,
  applied_at INTEGER NOT NULL
) STRICT;

CREATE TABLE secrets (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sqlite_sequence(name,seq);

CREATE TABLE task_callbacks (
  seq INTEGER PRIMARY KEY REFERENCES tasks (seq),
  url TEXT    NOT NULL
) STRICT;

CREATE TABLE task_inputs (
  seq         INTEGER PRIMARY KEY REFERENCES tasks (seq),
  payload     TEXT NOT NULL,
  traceparent TEXT
) STRICT;

CREATE TABLE task_log_totals (
  seq       INTEGER PRIMARY KEY REFERENCES tasks (seq),
  lines     INTEGER NOT NULL CHECK (lines >= 0),
  bytes     INTEGER NOT NULL CHECK (bytes >= 0),  -- of the texts, a line end each
  truncated INTEGER NOT NULL CHECK (truncated IN (0, 1))
) STRICT;

CREATE TABLE task_logs (
  seq    INTEGER NOT NULL REFERENCES tasks (seq),
  n      INTEGER NOT NULL CHECK (n >= 1),
  at     INTEGER NOT NULL,
  stream TEXT    NOT NULL,
  text   TEXT    NOT NULL,
  PRIMARY KEY (seq, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE task_results (
  seq    INTEGER PRIMARY KEY REFERENCES tasks (seq),
  result TEXT NOT NULL
) STRICT;

CREATE TABLE task_tags (
  name    TEXT NOT NULL,
  value   TEXT NOT NULL,
  task_id BLOB NOT NULL REFERENCES tasks (id),
  PRIMARY KEY (name, value, task_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE tasks (
  seq                  INTEGER PRIMARY KEY,
  id                   BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
  type                 TEXT    NOT NULL,
  queue                TEXT    NOT NULL,
  priority             INTEGER NOT NULL CHECK (priority BETWEEN -100 AND 100),
  state                TEXT    NOT NULL,
  revision             INTEGER NOT NULL CHECK (revision >= 1),
  attempt              INTEGER NOT NULL CHECK (attempt >= 0),  -- claimed of the present budget
  max_attempts         INTEGER NOT NULL CHECK (max_attempts BETWEEN 1 AND 100),
  token                INTEGER CHECK (token > 0),              -- of the present or last attempt
  timeout_ms           INTEGER CHECK (timeout_ms > 0),
  created_at           INTEGER NOT NULL,
  run_at               INTEGER NOT NULL,
  started_at           INTEGER,
  finished_at          INTEGER,
  due_wall             INTEGER,
  due_steady           INTEGER,
  deadline_at          INTEGER,  -- as shown; the next two are what is still to be enforced
  deadline_wall        INTEGER,
  deadline_steady      INTEGER,
  expiry_wall          INTEGER,
  expiry_steady        INTEGER,
  relative_deadline_ms INTEGER CHECK (relative_deadline_ms > 0),
  relative_expiry_ms   INTEGER CHECK (relative_expiry_ms > 0),
  stop_cause           TEXT    CHECK (stop_cause = 'cancel' OR stop_cause = 'deadline' OR stop_cause = 'timeout'),
  stop_reason          TEXT,
  tags                 TEXT,     -- a JSON object of strings; NULL: none
  error                TEXT,     -- a JSON object
  progress_percent     REAL,
  progress_message     TEXT,
  progress_at          INTEGER, callback_events INTEGER NOT NULL DEFAULT 0 CHECK (callback_events >= 0), unique_key TEXT, is_private INTEGER NOT NULL DEFAULT 0 CHECK (is_private = 0 OR is_private = 1), cache_key TEXT, cache_stale_ms INTEGER CHECK ((cache_key IS NULL) = (cache_stale_ms IS NULL)),

  CONSTRAINT state_has_name CHECK (state = 'queued' OR state = 'scheduled' OR state = 'running' OR state = 'succeeded' OR
                                   state = 'cancelling' OR state = 'failed' OR state = 'cancelled' OR
                                   state = 'timed_out' OR state = 'paused'),
  CONSTRAINT attempts_within_budget CHECK (attempt <= max_attempts),
  CONSTRAINT waiting_has_attempts_left CHECK (state NOT IN ('scheduled', 'queued') OR attempt < max_attempts),
  CONSTRAINT active_has_attempt CHECK (state NOT IN ('running', 'cancelling') OR
                                       (token IS NOT NULL AND attempt >= 1 AND started_at IS NOT NULL)),
  CONSTRAINT final_is_finished CHECK ((state = 'succeeded' OR state = 'failed' OR state = 'cancelled' OR
                                       state = 'timed_out') = (finished_at IS NOT NULL)),
  CONSTRAINT failure_has_error CHECK ((finished_at IS NOT NULL AND state <> 'succeeded') = (error IS NOT NULL)),
  CONSTRAINT scheduled_has_due CHECK ((state = 'scheduled') = (due_wall IS NOT NULL OR due_steady IS NOT NULL)),
  CONSTRAINT cancelling_has_cause CHECK ((state = 'cancelling') = (stop_cause IS NOT NULL)),
  CONSTRAINT only_a_cancel_has_reason CHECK (stop_reason IS NULL OR stop_cause = 'cancel'),
  CONSTRAINT due_is_one CHECK (due_wall IS NULL OR due_steady IS NULL),
  CONSTRAINT deadline_is_one CHECK (deadline_wall IS NULL OR deadline_steady IS NULL),
  CONSTRAINT expiry_is_one CHECK (expiry_wall IS NULL OR expiry_steady IS NULL),
  CONSTRAINT stopped_has_no_deadline CHECK ((finished_at IS NULL AND state <> 'cancelling') OR
                                            (deadline_wall IS NULL AND deadline_steady IS NULL)),
  CONSTRAINT started_has_no_expiry CHECK ((started_at IS NULL AND finished_at IS NULL) OR
                                          (expiry_wall IS NULL AND expiry_steady IS NULL)),
  CONSTRAINT progress_has_time CHECK (progress_at IS NOT NULL OR
                                      (progress_percent IS NULL AND progress_message IS NULL))
) STRICT;

CREATE TABLE webhook_secrets (
  webhook_id   BLOB    NOT NULL REFERENCES webhooks (id),
  n            INTEGER NOT NULL CHECK (n >= 1),
  secret       TEXT    NOT NULL,
  until_steady INTEGER,
  PRIMARY KEY (webhook_id, n)
) STRICT, WITHOUT ROWID;

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

CREATE INDEX attempts_of_task ON attempts (seq);

CREATE INDEX cached_results_by_age ON cached_results (type, key);

CREATE INDEX cached_results_expiry ON cached_results (expires_steady);

CREATE INDEX deliveries_due ON deliveries (due_steady) WHERE due_steady IS NOT NULL;

CREATE INDEX deliveries_exhausted ON deliveries (webhook_id) WHERE webhook_id IS NOT NULL AND status = 'exhausted';

CREATE INDEX deliveries_of_task ON deliveries (task_seq) WHERE task_seq IS NOT NULL;

CREATE INDEX deliveries_of_tests ON deliveries (webhook_id) WHERE task_seq IS NULL;

CREATE INDEX deliveries_of_webhook ON deliveries (webhook_id) WHERE webhook_id IS NOT NULL;

CREATE INDEX idempotency_keys_gone ON idempotency_keys (gone_at) WHERE gone_at IS NOT NULL;

CREATE INDEX idempotency_keys_of_task ON idempotency_keys (task_id);

CREATE INDEX tasks_by_state ON tasks (state, id) WHERE state <> 'succeeded';

CREATE INDEX tasks_deadline_steady ON tasks (deadline_steady) WHERE deadline_steady IS NOT NULL;

CREATE INDEX tasks_deadline_wall ON tasks (deadline_wall) WHERE deadline_wall IS NOT NULL;

CREATE INDEX tasks_due_steady ON tasks (due_steady) WHERE due_steady IS NOT NULL;

CREATE INDEX tasks_due_wall ON tasks (due_wall) WHERE due_wall IS NOT NULL;

CREATE INDEX tasks_expiry_steady ON tasks (expiry_steady) WHERE expiry_steady IS NOT NULL;

CREATE INDEX tasks_expiry_wall ON tasks (expiry_wall) WHERE expiry_wall IS NOT NULL;

CREATE INDEX tasks_finished ON tasks (state, finished_at) WHERE finished_at IS NOT NULL;

CREATE INDEX tasks_ready ON tasks (queue, type, priority DESC, run_at) WHERE state = 'queued';

CREATE UNIQUE INDEX tasks_unique_key ON tasks (type, unique_key)
  WHERE unique_key IS NOT NULL AND finished_at IS NULL AND stop_cause IS NULL;
