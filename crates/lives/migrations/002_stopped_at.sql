-- When somebody stopped the live, in milliseconds of Unix time: late bytes are taken for 24 hours from then. A live that
-- ended by patience may have ended long before.
ALTER TABLE lives ADD COLUMN stopped_at INTEGER;
UPDATE lives SET stopped_at = ended_at WHERE stopped = 1;
