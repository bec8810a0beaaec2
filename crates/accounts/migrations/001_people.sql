CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Lower case; NULL for people of another issuer who came without one.
    email TEXT UNIQUE,
    -- argon2id, in PHC form; NULL for people who cannot sign in here.
    password TEXT,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    profile_picture TEXT,
    -- Milliseconds of Unix time, as every `_at` here.
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE roles (
    person INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('admin', 'moderator')),
    PRIMARY KEY (person, role)
) STRICT, WITHOUT ROWID;

-- Who somebody is at another issuer of tokens.
CREATE TABLE identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    person INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX identities_by_person ON identities (person);

-- One sign-in and all the refresh tokens that came of it.
CREATE TABLE refresh_families (
    id INTEGER PRIMARY KEY,
    person INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    revoked INTEGER NOT NULL DEFAULT 0,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX refresh_families_by_person ON refresh_families (person);
CREATE INDEX refresh_families_by_expiry ON refresh_families (expires_at);

CREATE TABLE refresh_tokens (
    -- SHA-256 of the token.
    hash BLOB PRIMARY KEY,
    family INTEGER NOT NULL REFERENCES refresh_families (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_tokens_by_family ON refresh_tokens (family);
