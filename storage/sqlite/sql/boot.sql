-- name: kept_boot
SELECT boot_id, offset_ms FROM boot;

-- name: keep_boot
INSERT OR REPLACE INTO boot (id, boot_id, offset_ms) VALUES (1, :boot_id, :offset_ms);
