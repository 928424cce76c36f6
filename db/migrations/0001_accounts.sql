-- Accounts, their devices, and what ends them (contract, sections 1, 5 and 7).

CREATE TABLE users (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    username      text COLLATE "C" NOT NULL UNIQUE,
    display_name  text,
    password_hash text,                              -- NULL once deleted: the row stays so that the name is not reused
    created_at    timestamptz NOT NULL DEFAULT now(),
    deleted_at    timestamptz
);

-- One login session is one device.
CREATE TABLE devices (
    id           text COLLATE "C" PRIMARY KEY,
    user_id      bigint NOT NULL REFERENCES users,
    name         text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX devices_of_user ON devices (user_id);

-- Spent ones stay until they expire, so that their reuse is noticed.
CREATE TABLE refresh_tokens (
    token_sha256 bytea PRIMARY KEY,
    device_id    text COLLATE "C" NOT NULL REFERENCES devices ON DELETE CASCADE,
    expires_at   timestamptz NOT NULL,
    spent_at     timestamptz
);
CREATE INDEX refresh_tokens_of_device ON refresh_tokens (device_id);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);

-- What the broker has to know. Written in the transaction that ends a session, confirmed by the broker's PUBACK.
CREATE TABLE revocations (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    username         text COLLATE "C" NOT NULL,
    client_id        text COLLATE "C",
    issued_before_ms bigint NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    confirmed_at     timestamptz
);
CREATE INDEX revocations_by_age ON revocations (created_at);

-- Counters of the limits. They may be lost in a crash of the server; they must hold across all workers.
CREATE UNLOGGED TABLE rate_limits (
    key        text COLLATE "C" PRIMARY KEY,
    hits       integer NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX rate_limits_by_expiry ON rate_limits (expires_at);
