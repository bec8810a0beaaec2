-- Since when somebody may do nothing here; NULL for those who may.
ALTER TABLE users ADD COLUMN disabled_at INTEGER;
-- Since when everything of somebody is to be erased: what is known of them is gone from the row, which itself goes last.
ALTER TABLE users ADD COLUMN erasing_at INTEGER;
-- 1 where an administrator or another issuer of tokens stands for it that the address is theirs.
ALTER TABLE users ADD COLUMN verified INTEGER NOT NULL DEFAULT 0;
CREATE INDEX users_to_erase ON users (id) WHERE erasing_at IS NOT NULL;

-- Links by which somebody gives themselves a new password, once. One for each person: the newest.
CREATE TABLE password_links (
    person INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of the token in the link.
    hash BLOB NOT NULL UNIQUE,
    expires_at INTEGER NOT NULL
) STRICT;

-- Links by which somebody signs up, once, where nobody may without.
CREATE TABLE invitations (
    -- SHA-256 of the token in the link.
    hash BLOB PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Where somebody signed in from: keyed hashes of networks, which tell nobody an address.
CREATE TABLE sign_in_networks (
    person INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    network BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (person, network)
) STRICT, WITHOUT ROWID;

-- Whose row was changed, in order: who remembers people learns from it what another process changed.
CREATE TABLE user_changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person INTEGER NOT NULL
) STRICT;
