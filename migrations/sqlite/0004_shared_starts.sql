-- Starts that are answered with a task or a result that is there already.

-- While an unfinished task has its key, there is no other of its type with it. One that is told to stop (it has a cause) no
-- longer counts. Only an end and a stop change what the index looks at, so that other changes of a task do not touch it.
ALTER TABLE tasks ADD COLUMN unique_key TEXT;
CREATE UNIQUE INDEX tasks_unique_key ON tasks (type, unique_key)
  WHERE unique_key IS NOT NULL AND finished_at IS NULL AND stop_cause IS NULL;

-- 1: the start that made the task may cancel it, for no other was answered with it.
ALTER TABLE tasks ADD COLUMN is_private INTEGER NOT NULL DEFAULT 0 CHECK (is_private = 0 OR is_private = 1);

-- The result is to be kept under this key, so long.
ALTER TABLE tasks ADD COLUMN cache_key TEXT;
ALTER TABLE tasks ADD COLUMN cache_stale_ms INTEGER CHECK ((cache_key IS NULL) = (cache_stale_ms IS NULL));

-- Results kept for starts to come, one for each type, key and queue. They outlive their tasks. The greater the seq, the younger.
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
CREATE INDEX cached_results_by_age ON cached_results (type, key);
CREATE INDEX cached_results_expiry ON cached_results (expires_steady);

-- All of them together.
CREATE TABLE cache_size (
  id    INTEGER PRIMARY KEY CHECK (id = 1),
  bytes INTEGER NOT NULL CHECK (bytes >= 0)
) STRICT;
INSERT INTO cache_size (id, bytes) VALUES (1, 0);
