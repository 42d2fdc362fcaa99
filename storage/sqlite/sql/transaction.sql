-- name: begin
BEGIN IMMEDIATE;

-- name: commit
COMMIT;

-- name: begin_reading
BEGIN;
