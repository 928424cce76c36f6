-- The archive (contract, sections 3 and 4).

-- A direct conversation is the pair of its users, the lower id first; a notebook is a pair of the same.
CREATE TABLE conversations (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_low   bigint NOT NULL REFERENCES users,
    user_high  bigint NOT NULL REFERENCES users,
    last_seq   bigint NOT NULL DEFAULT 0,            -- the newest message; written with it, for lists and feeds
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK (user_low <= user_high),
    UNIQUE (user_low, user_high)
);

CREATE TABLE participants (
    user_id         bigint NOT NULL REFERENCES users,
    conversation_id bigint NOT NULL REFERENCES conversations,
    read_seq        bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, conversation_id)
);
CREATE INDEX participants_of_conversation ON participants (conversation_id);

-- Numbers are drawn under the advisory lock `db.ARCHIVE_LOCK`, held until the commit: a message with a lower
-- number is never committed after one with a higher, so a reader that pages by number skips nothing.
CREATE SEQUENCE message_seq;

-- No foreign keys: the archiver has just looked both rows up, neither is ever deleted, and the checks cost a
-- fifth of the throughput.
CREATE TABLE messages (
    seq             bigint PRIMARY KEY,
    conversation_id bigint NOT NULL,
    sender_id       bigint NOT NULL,
    relates_to_seq  bigint,
    sent_at         timestamptz,                     -- NULL: not said, the same as received_at
    received_at     timestamptz NOT NULL,
    message_id      uuid NOT NULL,
    relation        text CHECK (relation IN ('reply', 'edit', 'retract', 'reaction', 'thread')),
    content_type    text,                            -- NULL: text/plain; charset=utf-8
    body            bytea NOT NULL,
    CHECK ((relation IS NULL) = (relates_to_seq IS NULL))
);
CREATE UNIQUE INDEX messages_by_identity ON messages (message_id, sender_id);
CREATE INDEX messages_of_conversation ON messages (conversation_id, seq);
CREATE INDEX messages_by_target ON messages (relates_to_seq) WHERE relates_to_seq IS NOT NULL;

-- Messages that broke the contract, kept whole; shown to nobody.
CREATE TABLE dead_letters (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at  timestamptz NOT NULL,
    topic        text NOT NULL,
    reason       text NOT NULL,
    detail       text NOT NULL,
    content_type text,
    properties   json NOT NULL,                      -- [[name, value], …]; json, not jsonb: it may hold \u0000
    body         bytea NOT NULL
);
CREATE INDEX dead_letters_by_age ON dead_letters (received_at);

-- A message without an id, redelivered after a crash between commit and PUBACK, is known again by the packet id
-- under which the broker still holds it. Rows last until the broker cannot redeliver that packet any more.
CREATE TABLE unacknowledged (
    client_id  text COLLATE "C" NOT NULL,
    packet_id  integer NOT NULL,
    connection bigint NOT NULL,                      -- of the archiver to the broker, and
    delivery   bigint NOT NULL,                      -- the how many-th message over it
    digest     bytea NOT NULL,                       -- SHA-256 of topic, properties and body
    message_id uuid NOT NULL,
    PRIMARY KEY (client_id, packet_id)
);
