-- The index of search: which words stand in which messages (docs/architecture.md says why it is one of our own).
-- The REST service fills it in the background, so that storing a message costs nothing more.

-- How far it goes: messages up to indexed_seq are in it, those after it are looked through. A change of the language
-- empties it and counts `generation` up.
CREATE TABLE search_state (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    language    text COLLATE "C" NOT NULL DEFAULT 'simple',
    generation  bigint NOT NULL DEFAULT 0,
    indexed_seq bigint NOT NULL DEFAULT 0
);
INSERT INTO search_state DEFAULT VALUES;

-- A segment is 65,536 numbers: seq / 65536. `seqs` are the messages of it that have the word: seq % 65536 of each, two
-- bytes, the lower one first, in no order. A word that begins with a space is a conversation: ' ' and its id.
CREATE TABLE search_words (
    segment integer NOT NULL,
    word    text COLLATE "C" NOT NULL,
    seqs    bytea NOT NULL,
    PRIMARY KEY (segment, word)
);
ALTER TABLE search_words ALTER seqs SET STORAGE EXTERNAL;  -- it does not shrink when it is compressed

-- The same for the segment that is being filled, a few hundred or thousand messages a part.
CREATE TABLE search_new_words (
    segment integer NOT NULL,
    part    integer NOT NULL,
    word    text COLLATE "C" NOT NULL,
    seqs    bytea NOT NULL,
    PRIMARY KEY (segment, word, part)
);
CREATE SEQUENCE search_part AS integer CYCLE;
ALTER TABLE search_new_words ALTER seqs SET STORAGE EXTERNAL;

-- Messages whose bodies were emptied, or that were dropped: their words are then taken out of the index.
CREATE TABLE search_stale (
    seq bigint NOT NULL
);

CREATE FUNCTION search_note_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_stale VALUES (CASE WHEN NEW.relation = 'edit' THEN NEW.relates_to_seq ELSE NEW.seq END);
    RETURN NULL;
END
$$;

CREATE FUNCTION search_note_dropped() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_stale SELECT CASE WHEN relation = 'edit' THEN relates_to_seq ELSE seq END FROM dropped;
    RETURN NULL;
END
$$;

CREATE TRIGGER search_emptied AFTER UPDATE OF body ON messages
    FOR EACH ROW WHEN (OLD.body <> '' AND NEW.body IS DISTINCT FROM OLD.body) EXECUTE FUNCTION search_note_emptied();
CREATE TRIGGER search_dropped AFTER DELETE ON messages
    REFERENCING OLD TABLE AS dropped FOR EACH STATEMENT EXECUTE FUNCTION search_note_dropped();
