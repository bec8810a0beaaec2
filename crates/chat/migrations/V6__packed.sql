-- Filled from the tables before by the program, which packs the text and then drops them.

-- id is live_id * 2^24 + seq, as before: the live needs no column.
CREATE TABLE messages_packed (
    id        INTEGER PRIMARY KEY,
    place     INTEGER NOT NULL,   -- take * 2^27 + ms
    author_id INTEGER NOT NULL,
    sent      INTEGER NOT NULL,   -- milliseconds since base_ms of its live
    flags     INTEGER NOT NULL,   -- 1 deleted, 2 written after the live had ended, 4 emoji
    reply_to  INTEGER,            -- seq in the same live
    mentions  BLOB,
    content   ANY NOT NULL        -- text, or a blob packed with the dictionary that its first byte names
) STRICT;

-- When the first message of a live was stored, in milliseconds since 1970 UTC.
ALTER TABLE chat_counters ADD COLUMN base_ms INTEGER NOT NULL DEFAULT 0;

-- key stands for the author and the client_id; seq is null for what has no number.
CREATE TABLE chat_sent_packed (
    live_id INTEGER NOT NULL,
    key     INTEGER NOT NULL,
    seq     INTEGER,
    PRIMARY KEY (live_id, key)
) STRICT, WITHOUT ROWID;

-- Keeps neither a copy of the text nor places in it: which messages have a word, and no more.
DROP TABLE messages_search;
CREATE VIRTUAL TABLE messages_search USING fts5 (
    words, content = '', contentless_delete = 1, detail = none, tokenize = "unicode61 remove_diacritics 0"
);
