-- Results kept for starts to come.

-- name: newest_cached_result
SELECT seq, made_steady, expires_steady FROM cached_results
 WHERE type = :type AND key = :key AND expires_steady > :now ORDER BY seq DESC LIMIT 1;

-- name: cached_status
SELECT status FROM cached_results WHERE seq = :seq;

-- name: extend_cached_result
UPDATE cached_results SET expires_steady = :expires_steady WHERE seq = :seq;

-- name: cached_result_of_queue
SELECT seq, bytes FROM cached_results WHERE type = :type AND key = :key AND queue = :queue;

-- name: insert_cached_result
INSERT INTO cached_results (type, key, queue, made_steady, expires_steady, bytes, status)
VALUES (:type, :key, :queue, :made_steady, :expires_steady, :bytes, :status);

-- name: delete_cached_result
DELETE FROM cached_results WHERE seq = :seq;

-- name: oldest_cached_results
SELECT seq, bytes FROM cached_results WHERE seq > :after ORDER BY seq LIMIT :limit;

-- name: cached_results_expired_until
SELECT seq, bytes FROM cached_results WHERE expires_steady <= :until ORDER BY expires_steady LIMIT :limit;

-- name: first_cached_result_expiring_behind
SELECT min(expires_steady) FROM cached_results WHERE expires_steady > :after;

-- name: cache_bytes
SELECT bytes FROM cache_size WHERE id = 1;

-- name: change_cache_bytes
UPDATE cache_size SET bytes = bytes + :delta WHERE id = 1;

-- name: cache_order_of_task
SELECT cache_key, cache_stale_ms FROM tasks WHERE seq = :seq;
