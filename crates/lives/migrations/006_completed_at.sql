-- When all that had come until the stop was part of the replay, in milliseconds of Unix time. What was stopped before this was
-- kept is told to nobody any more.
ALTER TABLE lives ADD COLUMN completed_at INTEGER;
UPDATE lives SET completed_at = stopped_at WHERE stopped_at IS NOT NULL;
CREATE INDEX lives_incomplete ON lives (id)
    WHERE stopped_at IS NOT NULL AND completed_at IS NULL AND deleted_at IS NULL;
