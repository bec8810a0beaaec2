-- A sign-in ends for good so long after its password was given, however often it was refreshed. Of those that are there it is
-- not known when that was: they may have all of it once more.
ALTER TABLE refresh_families ADD COLUMN ends_at INTEGER NOT NULL DEFAULT 0;
UPDATE refresh_families SET ends_at = expires_at + 60 * 86400000;
