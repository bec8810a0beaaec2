-- Messages that somebody reported. Of one message each person reports once.
CREATE TABLE chat_reports (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    live_id    INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    author_id  INTEGER NOT NULL,          -- of the message
    by_id      INTEGER NOT NULL,
    at_ms      INTEGER NOT NULL,
    reason     TEXT NOT NULL,
    UNIQUE (message_id, by_id)
);
CREATE INDEX chat_reports_by_live ON chat_reports (live_id);
CREATE INDEX chat_reports_by_author ON chat_reports (author_id);
CREATE INDEX chat_reports_by_reporter ON chat_reports (by_id);

-- What happened in conversations that others are told, in order. Written in the transaction in which it happened; whoever tells
-- it follows by the id of the last row that it knows. The oldest go when there are too many.
CREATE TABLE chat_outbox (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    live_id    INTEGER NOT NULL,
    kind       TEXT NOT NULL,             -- held, reported
    number     INTEGER NOT NULL,          -- of the message that waits, or of the report
    message_id INTEGER,                   -- that was reported
    person_id  INTEGER NOT NULL,          -- its author
    at_ms      INTEGER NOT NULL
);
