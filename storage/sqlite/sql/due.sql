-- What has fallen due, the longest overdue first, and when the next thing will. Each is one step into a partial index.

-- name: due_by_wall
SELECT seq FROM tasks WHERE due_wall <= :now ORDER BY due_wall LIMIT :limit;

-- name: due_by_steady
SELECT seq FROM tasks WHERE due_steady <= :now ORDER BY due_steady LIMIT :limit;

-- name: deadline_by_wall
SELECT seq FROM tasks WHERE deadline_wall <= :now ORDER BY deadline_wall LIMIT :limit;

-- name: deadline_by_steady
SELECT seq FROM tasks WHERE deadline_steady <= :now ORDER BY deadline_steady LIMIT :limit;

-- name: expiry_by_wall
SELECT seq FROM tasks WHERE expiry_wall <= :now ORDER BY expiry_wall LIMIT :limit;

-- name: expiry_by_steady
SELECT seq FROM tasks WHERE expiry_steady <= :now ORDER BY expiry_steady LIMIT :limit;

-- name: next_wall
SELECT min(at) FROM (SELECT min(due_wall) AS at FROM tasks WHERE due_wall IS NOT NULL UNION ALL
                     SELECT min(deadline_wall) FROM tasks WHERE deadline_wall IS NOT NULL UNION ALL
                     SELECT min(expiry_wall) FROM tasks WHERE expiry_wall IS NOT NULL);

-- name: next_steady
SELECT min(at) FROM (SELECT min(due_steady) AS at FROM tasks WHERE due_steady IS NOT NULL UNION ALL
                     SELECT min(deadline_steady) FROM tasks WHERE deadline_steady IS NOT NULL UNION ALL
                     SELECT min(expiry_steady) FROM tasks WHERE expiry_steady IS NOT NULL);
