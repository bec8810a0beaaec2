-- Watch keys are sealed; what begins otherwise was kept as it is by an earlier version, and is sealed at the next start. The
-- index names those, so that nobody looks for them through all rows.
CREATE INDEX lives_unsealed ON lives (id) WHERE substr(watch_key, 1, 3) <> 's1.';

-- How long it is kept after its end, in milliseconds, 0 for ever; NULL where the server's rule holds.
ALTER TABLE lives ADD COLUMN keep_ms INTEGER;
