-- What happened to lives, in the order in which it was decided. Written in the transaction that decides it; listeners
-- follow it by the id of the last event they know. The oldest go when there are too many.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    live INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

-- What lists show of what is recorded, as JSON; NULL until it is known.
ALTER TABLE lives ADD COLUMN recorded TEXT;

-- How many lives there are, so that no list counts them: by author (0 for all together), who may see them, and whether
-- they run. Those being deleted do not count.
CREATE TABLE live_counts (
    author INTEGER NOT NULL,
    visibility TEXT NOT NULL,
    running INTEGER NOT NULL,
    lives INTEGER NOT NULL,
    PRIMARY KEY (author, visibility, running)
) STRICT, WITHOUT ROWID;
INSERT INTO live_counts
    SELECT 0, visibility, ended_at IS NULL, count(*) FROM lives WHERE deleted_at IS NULL GROUP BY 2, 3;
INSERT INTO live_counts
    SELECT author, visibility, ended_at IS NULL, count(*) FROM lives WHERE deleted_at IS NULL GROUP BY 1, 2, 3;

CREATE TRIGGER live_counts_insert AFTER INSERT ON lives WHEN new.deleted_at IS NULL BEGIN
    INSERT INTO live_counts VALUES (0, new.visibility, new.ended_at IS NULL, 1)
        ON CONFLICT (author, visibility, running) DO UPDATE SET lives = lives + 1;
    INSERT INTO live_counts VALUES (new.author, new.visibility, new.ended_at IS NULL, 1)
        ON CONFLICT (author, visibility, running) DO UPDATE SET lives = lives + 1;
END;
CREATE TRIGGER live_counts_leave AFTER UPDATE OF author, visibility, ended_at, deleted_at ON lives
WHEN old.deleted_at IS NULL BEGIN
    UPDATE live_counts SET lives = lives - 1
        WHERE author IN (0, old.author) AND visibility = old.visibility AND running = (old.ended_at IS NULL);
END;
CREATE TRIGGER live_counts_enter AFTER UPDATE OF author, visibility, ended_at, deleted_at ON lives
WHEN new.deleted_at IS NULL BEGIN
    INSERT INTO live_counts VALUES (0, new.visibility, new.ended_at IS NULL, 1)
        ON CONFLICT (author, visibility, running) DO UPDATE SET lives = lives + 1;
    INSERT INTO live_counts VALUES (new.author, new.visibility, new.ended_at IS NULL, 1)
        ON CONFLICT (author, visibility, running) DO UPDATE SET lives = lives + 1;
END;
CREATE TRIGGER live_counts_delete AFTER DELETE ON lives WHEN old.deleted_at IS NULL BEGIN
    UPDATE live_counts SET lives = lives - 1
        WHERE author IN (0, old.author) AND visibility = old.visibility AND running = (old.ended_at IS NULL);
END;

-- Lists are read from these: a long text lies before what they ask for in the row itself.
CREATE INDEX lives_listed ON lives (visibility, id) WHERE deleted_at IS NULL;
CREATE INDEX lives_of_author ON lives (author, id) WHERE deleted_at IS NULL;

-- A search finds words by their beginnings. Each beginning of up to 20 letters is in the index by itself: without that all
-- lives with a word that begins so are gathered before the newest is shown.
DROP TABLE lives_search;
CREATE VIRTUAL TABLE lives_search USING fts5 (
    title, description, content, content = 'lives', content_rowid = 'id',
    prefix = '1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20',
    tokenize = "unicode61 remove_diacritics 2"
);
INSERT INTO lives_search (lives_search) VALUES ('rebuild');
