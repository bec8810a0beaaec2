-- Up to which number the messages of a live are in the search index. The index is written in batches, after the
-- messages themselves: one message alone costs it as much as a hundred.
ALTER TABLE chat_counters ADD COLUMN indexed_seq INTEGER NOT NULL DEFAULT 0;
UPDATE chat_counters SET indexed_seq = last_seq;
