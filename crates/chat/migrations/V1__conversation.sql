-- Where each conversation stands. Read and written in the transaction that stores a message, so numbers have no holes.
CREATE TABLE chat_counters (
    live_id  INTEGER PRIMARY KEY,
    last_seq INTEGER NOT NULL DEFAULT 0,
    change   INTEGER NOT NULL DEFAULT 0,
    deleted  INTEGER NOT NULL DEFAULT 0
);

-- id is live_id * 2^24 + seq: the table itself is the index by (live, seq), and a window of the search index by rowid
-- is a live.
CREATE TABLE messages (
    id         INTEGER PRIMARY KEY,
    live_id    INTEGER NOT NULL,
    take       INTEGER NOT NULL,
    ms         INTEGER NOT NULL,
    author_id  INTEGER NOT NULL,
    created_at INTEGER NOT NULL,            -- milliseconds since 1970, UTC
    kind       INTEGER NOT NULL DEFAULT 0,  -- 0 text, 1 emoji
    flags      INTEGER NOT NULL DEFAULT 0,  -- 1 deleted, 2 written after the live had ended
    reply_to   INTEGER,                     -- seq in the same live
    content    TEXT NOT NULL
);
CREATE INDEX messages_by_position ON messages (live_id, take, ms);
CREATE INDEX messages_by_author ON messages (author_id, created_at);

-- What makes sending again harmless. message_id is null for a reaction.
CREATE TABLE chat_sent (
    author_id  INTEGER NOT NULL,
    client_id  BLOB NOT NULL,
    live_id    INTEGER NOT NULL,
    message_id INTEGER,
    sent_at    INTEGER NOT NULL,
    PRIMARY KEY (author_id, client_id, live_id)
) WITHOUT ROWID;

-- Deletions in the order in which they were made; `change` counts them in their live.
CREATE TABLE chat_deletions (
    live_id    INTEGER NOT NULL,
    change     INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    deleted_by INTEGER NOT NULL,
    deleted_at INTEGER NOT NULL,
    PRIMARY KEY (live_id, change)
) WITHOUT ROWID;

-- Reactions are counted by the second of the take in which they were sent.
CREATE TABLE chat_reactions (
    live_id INTEGER NOT NULL,
    take    INTEGER NOT NULL,
    second  INTEGER NOT NULL,
    emoji   TEXT NOT NULL,
    count   INTEGER NOT NULL,
    PRIMARY KEY (live_id, take, second, emoji)
) WITHOUT ROWID;

-- Keeps no second copy of the text.
CREATE VIRTUAL TABLE messages_search USING fts5 (
    content, content = '', contentless_delete = 1, tokenize = "unicode61 remove_diacritics 2"
);
