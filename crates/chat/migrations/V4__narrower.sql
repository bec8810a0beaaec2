-- A person's messages are looked for live by live, in which ids go with time: the index needs no time of its own.
DROP INDEX messages_by_author;
CREATE INDEX messages_by_author ON messages (author_id);

-- What was sent is remembered as long as its live: its time is not asked for.
CREATE TABLE chat_sent_narrower (
    live_id    INTEGER NOT NULL,
    author_id  INTEGER NOT NULL,
    client_id  BLOB NOT NULL,
    message_id INTEGER,
    PRIMARY KEY (live_id, author_id, client_id)
) WITHOUT ROWID;
INSERT INTO chat_sent_narrower SELECT live_id, author_id, client_id, message_id FROM chat_sent;
DROP TABLE chat_sent;
ALTER TABLE chat_sent_narrower RENAME TO chat_sent;
