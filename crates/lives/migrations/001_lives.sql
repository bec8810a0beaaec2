CREATE TABLE lives (
    -- Never used again: addresses of a deleted live must not lead to another one.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    author INTEGER NOT NULL REFERENCES users (id),
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    content TEXT NOT NULL,
    visibility TEXT NOT NULL CHECK (visibility IN ('public', 'unlisted', 'members')),
    -- Milliseconds of Unix time, as every `_at` here.
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    -- 1 once somebody stopped it; 0 if it runs, or ended because nothing came any more.
    stopped INTEGER NOT NULL DEFAULT 0,
    -- Part of an unlisted live's address.
    watch_key TEXT NOT NULL,
    -- SHA-256 of the stream key.
    stream_key BLOB NOT NULL UNIQUE,
    -- Set while its bytes are being deleted; the row goes last.
    deleted_at INTEGER
) STRICT;
CREATE INDEX lives_by_author ON lives (author, ended_at);
CREATE INDEX lives_running ON lives (id) WHERE ended_at IS NULL;
CREATE INDEX lives_half_deleted ON lives (id) WHERE deleted_at IS NOT NULL;

CREATE VIRTUAL TABLE lives_search USING fts5 (
    title, description, content, content = 'lives', content_rowid = 'id',
    tokenize = "unicode61 remove_diacritics 2"
);
CREATE TRIGGER lives_search_insert AFTER INSERT ON lives BEGIN
    INSERT INTO lives_search (rowid, title, description, content)
    VALUES (new.id, new.title, new.description, new.content);
END;
CREATE TRIGGER lives_search_delete AFTER DELETE ON lives BEGIN
    INSERT INTO lives_search (lives_search, rowid, title, description, content)
    VALUES ('delete', old.id, old.title, old.description, old.content);
END;
CREATE TRIGGER lives_search_update AFTER UPDATE OF title, description, content ON lives BEGIN
    INSERT INTO lives_search (lives_search, rowid, title, description, content)
    VALUES ('delete', old.id, old.title, old.description, old.content);
    INSERT INTO lives_search (rowid, title, description, content)
    VALUES (new.id, new.title, new.description, new.content);
END;
