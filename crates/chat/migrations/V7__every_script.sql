-- Signs of scripts without blanks, emoji and letters that are written in two ways are indexed too, from now on. The program
-- fills the index again, each live's when it is next searched in or spoken in.
INSERT INTO messages_search (messages_search) VALUES ('delete-all');
UPDATE chat_counters SET indexed_seq = 0;
