-- What happened to people that others are told, in order. Written in the transaction in which it happened; whoever tells it
-- follows by the id of the last row that it knows. The oldest go when there are too many.
CREATE TABLE user_outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

-- Bytes of recordings that somebody may keep; NULL where it is as many as everybody may.
ALTER TABLE users ADD COLUMN quota INTEGER;
