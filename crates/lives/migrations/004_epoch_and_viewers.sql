-- Grows when an address that opened the live is to open it no longer: a change of visibility or of the watch key. Tokens for
-- media name the epoch in which they were made.
ALTER TABLE lives ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;

-- Who has watched a live for ten seconds or more: the number of a person, or a negative one for somebody who did not sign in.
CREATE TABLE viewers (
    live INTEGER NOT NULL REFERENCES lives (id) ON DELETE CASCADE,
    viewer INTEGER NOT NULL,
    PRIMARY KEY (live, viewer)
) STRICT, WITHOUT ROWID;
-- How many they are.
ALTER TABLE lives ADD COLUMN viewers INTEGER NOT NULL DEFAULT 0;
