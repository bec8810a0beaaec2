-- How a conversation is led. A live without a row has none of it.
CREATE TABLE chat_rules (
    live_id INTEGER PRIMARY KEY,
    slow_ms INTEGER NOT NULL DEFAULT 0,   -- shortest time between two messages of one person
    hold    INTEGER NOT NULL DEFAULT 0,   -- 1: messages wait for approval
    pinned  INTEGER,                      -- seq
    words   TEXT NOT NULL DEFAULT ''      -- unwanted words, one a line
);

-- Whom the live's author made moderator of it.
CREATE TABLE chat_moderators (
    live_id   INTEGER NOT NULL,
    person_id INTEGER NOT NULL,
    PRIMARY KEY (live_id, person_id)
) WITHOUT ROWID;

-- Who may not write. until_ms is null for as long as the live exists.
CREATE TABLE chat_sanctions (
    live_id   INTEGER NOT NULL,
    person_id INTEGER NOT NULL,
    until_ms  INTEGER,
    PRIMARY KEY (live_id, person_id)
) WITHOUT ROWID;

-- Messages that wait for approval: they have no number yet, and nobody but moderators sees them.
CREATE TABLE chat_held (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    live_id    INTEGER NOT NULL,
    author_id  INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    kind       INTEGER NOT NULL,
    take       INTEGER NOT NULL,
    ms         INTEGER NOT NULL,
    reply_to   INTEGER,
    on_replay  INTEGER NOT NULL,
    content    TEXT NOT NULL,
    client_id  BLOB
);
CREATE INDEX chat_held_by_live ON chat_held (live_id, id);
CREATE UNIQUE INDEX chat_held_by_client ON chat_held (author_id, client_id, live_id) WHERE client_id IS NOT NULL;

-- Every act of a moderator, for good.
CREATE TABLE chat_acts (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    live_id INTEGER NOT NULL,
    at_ms   INTEGER NOT NULL,
    by_id   INTEGER NOT NULL,
    act     TEXT NOT NULL,
    subject INTEGER,                      -- a person's id, or a message's
    detail  TEXT NOT NULL DEFAULT ''
);
CREATE INDEX chat_acts_by_live ON chat_acts (live_id, id);
