-- Who is told what happens.
CREATE TABLE webhooks (
    -- Never used again: deliveries name it.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    url TEXT NOT NULL,
    -- As it was given or made: signatures are made with it.
    secret TEXT NOT NULL,
    -- Names of events, a blank between them; empty for all.
    events TEXT NOT NULL,
    -- 1 where it may be sent to private addresses.
    allow_private INTEGER NOT NULL,
    -- Milliseconds of Unix time, as every `_at` here. NULL while it is sent to.
    paused_at INTEGER,
    created_at INTEGER NOT NULL
) STRICT;

-- How far each of them has come in each of the outboxes.
CREATE TABLE webhook_positions (
    webhook INTEGER NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    source TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (webhook, source)
) STRICT, WITHOUT ROWID;

-- What is to be told, and what was told last.
CREATE TABLE webhook_deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook INTEGER NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    -- The `webhook-id` under which it is sent, each time the same.
    message TEXT NOT NULL,
    -- What it is about: of one subject each waits for the one before.
    subject TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    happened_at INTEGER NOT NULL,
    -- 0 it waits, 1 it was taken, 2 it was set aside after a day.
    state INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    first_tried_at INTEGER,
    last_tried_at INTEGER,
    -- Not before then.
    next_at INTEGER NOT NULL,
    -- What the last attempt said.
    outcome TEXT
) STRICT;
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (webhook, subject, id) WHERE state = 0;
CREATE INDEX webhook_deliveries_by_state ON webhook_deliveries (webhook, state, id);
