-- 1 where the link was sent to the address of its person: whoever uses it reads what comes there.
ALTER TABLE password_links ADD COLUMN mailed INTEGER NOT NULL DEFAULT 0;
