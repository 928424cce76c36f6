"""The SQL of a batch, by name; `transaction` and `quick` run it."""

from typing import Final

from archiver.rows import COLUMNS
from db import ARCHIVE_LOCK, PLAN_ONCE

SET_UP: Final = f"""
SET idle_in_transaction_session_timeout = '30s';
SET default_transaction_isolation = 'read committed';
{PLAN_ONCE}
PREPARE routes (text[], text[]) AS
SELECT wanted.sender, wanted.recipient, s.id, r.id, r.deleted_at IS NULL, c.id,
       (SELECT GREATEST(last_value + is_called::integer, (SELECT max(seq) + 1 FROM messages)) FROM message_seq)
FROM unnest($1, $2) AS wanted (sender, recipient)
LEFT JOIN users s ON s.username = wanted.sender
LEFT JOIN users r ON r.username = wanted.recipient
LEFT JOIN conversations c ON c.user_low = LEAST(s.id, r.id) AND c.user_high = GREATEST(s.id, r.id);
PREPARE newest (bigint[], bigint[]) AS
UPDATE conversations SET last_seq = GREATEST(last_seq, newest.seq)
FROM unnest($1, $2) AS newest (id, seq) WHERE conversations.id = newest.id;
PREPARE quick (text[], text[], uuid[], timestamptz[], timestamptz[], text[], bytea[]) AS
WITH wanted AS (
    SELECT s.id AS sender_id, c.id AS conversation_id, message_id, received_at, sent_at, content_type, body, place
    FROM unnest($1, $2, $3, $4, $5, $6, $7) WITH ORDINALITY
        AS given (sender, recipient, message_id, received_at, sent_at, content_type, body, place)
    JOIN users s ON s.username = sender
    JOIN users r ON r.username = recipient AND r.deleted_at IS NULL
    JOIN conversations c ON c.user_low = LEAST(s.id, r.id) AND c.user_high = GREATEST(s.id, r.id)
), next AS (
    SELECT GREATEST(last_value + is_called::integer, (SELECT max(seq) + 1 FROM messages)) AS seq FROM message_seq
    WHERE (SELECT count(*) FROM wanted) = cardinality($1)
), new AS (
    INSERT INTO messages (seq, conversation_id, sender_id, message_id, received_at, sent_at, content_type, body)
    SELECT next.seq + place - 1, conversation_id, sender_id, message_id, received_at, sent_at, content_type, body
    FROM wanted, next
    RETURNING seq, conversation_id
), newest AS (
    UPDATE conversations SET last_seq = GREATEST(last_seq, newest.seq)
    FROM (SELECT conversation_id AS id, max(seq) AS seq FROM new GROUP BY conversation_id) AS newest
    WHERE conversations.id = newest.id
)
SELECT setval('message_seq', max(seq)) FROM new
"""  # noqa: S608  # a constant
"""What a connection begins with.

A server that waits for us within a transaction gives up after a while, for the lock's sake, if we freeze.

Planning these statements takes longer than running them, so they are planned once: see `db.PLAN_ONCE`.
`quick` stores all of its messages or, if a name or a conversation is not there, none; then it returns NULL.

Under the archive lock nobody else draws a number. The sequence may lag behind the messages after a restore or a
failover; it is set right with the next message.
"""

BEGIN: Final = f"""
BEGIN;
SELECT pg_advisory_xact_lock({ARCHIVE_LOCK});
EXECUTE routes (%s, %s)
"""
"""Take the archive lock, then look up who writes to whom, and the number that comes next.

Each statement sees what is committed when it begins, so the second sees what the lock's last holder has written.
"""

MANY: Final = 300
"""Senders with their recipients; for so many it pays to plan anew, by what the tables hold."""

BEGIN_WITH_MANY: Final = BEGIN.replace(
    "BEGIN;",
    "BEGIN; SET LOCAL plan_cache_mode = force_custom_plan;"
    "SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on;",
)

QUICK: Final = f"""
SELECT pg_advisory_xact_lock({ARCHIVE_LOCK});
EXECUTE quick (%s, %s, %s, %s::timestamptz[], %s::timestamptz[], %s::text[], %s)
"""
"""Both are one transaction, because they are sent together without BEGIN; it ends with them."""

FILED: Final = """
SELECT message_id, seq, conversation_id, sender_id, sha256(body) FROM messages WHERE message_id = ANY(%s::uuid[])
"""

TARGETS: Final = """
SELECT DISTINCT ON (message_id, conversation_id) message_id, seq, conversation_id, sender_id FROM messages
WHERE message_id = ANY(%s::uuid[]) ORDER BY message_id, conversation_id, seq
"""

MAKE_CONVERSATIONS: Final = (
    "INSERT INTO conversations (user_low, user_high) VALUES %s RETURNING user_low, user_high, id"
)

MAKE_PARTICIPANTS: Final = "INSERT INTO participants (user_id, conversation_id) VALUES %s"

COPY_MESSAGES: Final = f"COPY messages ({', '.join(COLUMNS)}) FROM STDIN (FORMAT binary)"

COMMIT_NUMBERS: Final = """
EXECUTE newest (%s, %s);
SELECT setval('message_seq', %s);
COMMIT"""

KEEP_DEAD_LETTERS: Final = """
INSERT INTO dead_letters (received_at, topic, reason, detail, content_type, properties, body) VALUES %s
"""

CHECK: Final = "SELECT 1 FROM message_seq, (SELECT FROM unacknowledged LIMIT 1) AS newest_table"
