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

-- What was deleted or said otherwise is taken out of the index at once: else its words stay in it until a merge.
INSERT INTO lives_search (lives_search, rank) VALUES ('secure-delete', 1);
