-- Groups, markers, blocks, relations and names that may not be given again (contract, sections 1 to 3 and 6).

CREATE TABLE groups (
    id         text COLLATE "C" PRIMARY KEY,
    title      text NOT NULL,
    visibility text NOT NULL CHECK (visibility IN ('private', 'open')),
    history    text NOT NULL CHECK (history IN ('since_joining', 'all')),
    created_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);
CREATE INDEX groups_open ON groups (title, id) WHERE visibility = 'open' AND deleted_at IS NULL;

-- A conversation is the pair of its users, or a group's.
ALTER TABLE conversations
    ALTER COLUMN user_low DROP NOT NULL,
    ALTER COLUMN user_high DROP NOT NULL,
    ADD COLUMN group_id text COLLATE "C" UNIQUE REFERENCES groups,
    ADD CHECK ((group_id IS NULL) = (user_low IS NOT NULL) AND (user_low IS NULL) = (user_high IS NULL));

-- Who is in a group now. Changed under `db.ARCHIVE_LOCK`, so that each message falls before or after the change.
CREATE TABLE members (
    group_id  text COLLATE "C" NOT NULL REFERENCES groups,
    user_id   bigint NOT NULL REFERENCES users,
    role      text NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    joined_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX members_of_user ON members (user_id, group_id);

-- Which messages of a group's conversation somebody may read: those with after_seq < seq <= until_seq, of any row. Who
-- leaves keeps what they could read. A direct conversation has no rows here: its two users may read all of it.
CREATE TABLE spans (
    user_id         bigint NOT NULL REFERENCES users,
    conversation_id bigint NOT NULL REFERENCES conversations,
    after_seq       bigint NOT NULL,
    until_seq       bigint NOT NULL DEFAULT 9223372036854775807,
    PRIMARY KEY (user_id, conversation_id, after_seq)
);
CREATE INDEX spans_of_conversation ON spans (conversation_id);

-- Markers are watermarks: they never move back.
ALTER TABLE participants ADD COLUMN delivered_seq bigint NOT NULL DEFAULT 0;

-- Messages of `blocked_id` with after_seq < seq <= until_seq are hidden from `user_id`, for good. A block that holds has
-- the largest until_seq there is. Changed under `db.ARCHIVE_LOCK`.
CREATE TABLE blocks (
    user_id    bigint NOT NULL REFERENCES users,
    blocked_id bigint NOT NULL REFERENCES users,
    after_seq  bigint NOT NULL,
    until_seq  bigint NOT NULL DEFAULT 9223372036854775807,
    PRIMARY KEY (user_id, blocked_id, after_seq)
);
ALTER TABLE users ADD COLUMN has_blocked boolean NOT NULL DEFAULT false;  -- once is enough: whether to look there

-- Edited, retracted or reacted to: what relates to it is worth looking up. A retracted message and its edits are left
-- with an empty body, which no other message has but the retraction itself.
ALTER TABLE messages ADD COLUMN changed boolean;

-- What relates to a message is looked up by kind, the newest first: however much of another kind there is.
DROP INDEX messages_by_target;
CREATE INDEX messages_by_target ON messages (relates_to_seq, relation, seq) WHERE relates_to_seq IS NOT NULL;

-- Until now these were only kept; now they count: an edit for the first of those that it leads back to, a retraction by
-- taking the body away, with those of the edits.
WITH RECURSIVE edits AS (
    SELECT e.seq, e.relates_to_seq AS target FROM messages e WHERE e.relation = 'edit'
    UNION ALL
    SELECT edits.seq, m.relates_to_seq FROM edits JOIN messages m ON m.seq = edits.target AND m.relation = 'edit'
)
UPDATE messages m SET relates_to_seq = first.target
FROM (SELECT seq, min(target) AS target FROM edits GROUP BY seq) first
WHERE m.seq = first.seq AND m.relates_to_seq <> first.target;
UPDATE messages SET changed = true
WHERE seq IN (SELECT relates_to_seq FROM messages WHERE relation IN ('edit', 'retract', 'reaction'));
WITH retracted AS MATERIALIZED (SELECT relates_to_seq AS seq FROM messages WHERE relation = 'retract')
UPDATE messages SET body = ''
WHERE (seq IN (SELECT seq FROM retracted) OR relation = 'edit' AND relates_to_seq IN (SELECT seq FROM retracted))
AND body <> '';

-- Names of deleted accounts, whose rows have a tombstone's name now.
CREATE TABLE retired_names (
    username text COLLATE "C" PRIMARY KEY,
    until    timestamptz NOT NULL
);
CREATE INDEX retired_names_by_end ON retired_names (until);

-- Deleted accounts of which something is left to take away.
CREATE TABLE erasures (
    user_id       bigint PRIMARY KEY REFERENCES users,
    username      text COLLATE "C",                  -- as it was; NULL once the broker has forgotten its presence
    revocation_id bigint NOT NULL                    -- which the broker has to confirm before that
);

-- Conversations of deleted accounts, to be looked through for messages that nobody can read any more; so far has
-- that been done.
CREATE TABLE leftovers (
    conversation_id bigint PRIMARY KEY REFERENCES conversations ON DELETE CASCADE,
    after_seq       bigint NOT NULL DEFAULT 0
);

-- A message that broke the contract belongs to its sender, whom the topic's last level names.
CREATE INDEX dead_letters_of_sender ON dead_letters ((left(split_part(topic, '/', -1), 32) COLLATE "C"), id);

-- What a user's devices have to be told, until the broker has confirmed it (contract, section 2, events).
CREATE TABLE events (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    username   text COLLATE "C" NOT NULL,
    payload    text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The one group that is there from the start. Nobody owns it.
INSERT INTO groups (id, title, visibility, history) VALUES ('globby2222222', 'lobby', 'open', 'all');
INSERT INTO conversations (group_id) VALUES ('globby2222222');
