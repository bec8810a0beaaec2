-- Whom a message mentions: their ids one after the other, seven bits a byte (LEB128). Null for nobody.
ALTER TABLE messages ADD COLUMN mentions BLOB;
ALTER TABLE chat_held ADD COLUMN mentions BLOB;

-- 1: everybody may see who is connected. Those who lead always may.
ALTER TABLE chat_rules ADD COLUMN show_members INTEGER NOT NULL DEFAULT 0;
