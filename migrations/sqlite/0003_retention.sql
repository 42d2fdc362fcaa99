-- Removal of old tasks.

-- What has ended, by final state and age.
CREATE INDEX tasks_finished ON tasks (state, finished_at) WHERE finished_at IS NOT NULL;

-- When the key's task was removed; NULL: it is there. From then on the key has its own time to live.
ALTER TABLE idempotency_keys ADD COLUMN gone_at INTEGER;
CREATE INDEX idempotency_keys_of_task ON idempotency_keys (task_id);
CREATE INDEX idempotency_keys_gone ON idempotency_keys (gone_at) WHERE gone_at IS NOT NULL;
