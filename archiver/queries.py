"""The SQL of a batch, by name; `transaction` and `quick` run it."""

from typing import Final

from archiver.rows import COLUMNS
from db import ARCHIVE_LOCK, PLAN_ONCE
from wire.receipts import SEQ_MAX

_NEXT: Final = """
SELECT GREATEST(last_value + is_called::integer, (SELECT max(seq) + 1 FROM messages)) AS seq FROM message_seq"""

_MUTED: Final = f"""
r.has_blocked AND COALESCE((
    SELECT until_seq FROM blocks WHERE user_id = r.id AND blocked_id = s.id ORDER BY after_seq DESC LIMIT 1
) = {SEQ_MAX}, false)"""  # noqa: S608  # a number
"""Whether `r` blocks `s`. Here and below such questions are neither EXISTS nor joins: a plan that is made once, for
tables of any size, might read all blocks, or all members of a group, to find one. Of intervals, which never overlap,
only the last one that begins before a number can hold it: somebody may have made very many."""

_MEMBER: Final = """
(SELECT true FROM members m WHERE m.group_id = c.group_id AND m.user_id = s.id LIMIT 1) IS NOT NULL
AND (SELECT deleted_at IS NULL FROM groups WHERE groups.id = c.group_id)"""
"""Whether `s` is a member of the group whose conversation is `c`."""

_TO_USERS: Final = f"""
    SELECT s.id AS sender_id, c.id AS conversation_id, message_id, received_at, sent_at, content_type, body, place,
           {_MUTED} AS muted
    FROM given
    JOIN users s ON s.username = sender
    JOIN users r ON r.username = name AND r.deleted_at IS NULL
    JOIN conversations c ON c.user_low = LEAST(s.id, r.id) AND c.user_high = GREATEST(s.id, r.id)"""  # noqa: S608  # a constant

_TO_GROUPS: Final = f"""
    SELECT s.id, c.id, message_id, received_at, sent_at, content_type, body, place, false
    FROM given
    JOIN users s ON s.username = sender
    JOIN conversations c ON c.group_id = given.name AND {_MEMBER}
    WHERE in_group"""  # noqa: S608  # constants


_COLUMNS: Final = "sender, name, message_id, received_at, sent_at, content_type, body"
_TYPES: Final = "text[], text[], uuid[], timestamptz[], timestamptz[], text[], bytea[]"


def _quick(types: str, arrays: str, columns: str, wanted: str) -> str:
    return f"""({types}) AS
WITH given AS NOT MATERIALIZED (
    SELECT * FROM unnest({arrays}) WITH ORDINALITY AS given ({columns}, place)
), wanted AS ({wanted}
), next AS (
    {_NEXT} WHERE (SELECT count(*) FROM wanted) = cardinality($1)
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
SELECT setval('message_seq', max(seq)), (SELECT array_agg(place) FROM wanted WHERE muted) FROM new;
"""  # noqa: S608  # constants


SET_UP: Final = f"""
SET idle_in_transaction_session_timeout = '30s';
SET default_transaction_isolation = 'read committed';
{PLAN_ONCE}
PREPARE routes (text[], text[], text[], text[]) AS
SELECT false, place, ({_NEXT}), s.id, r.id, r.deleted_at IS NULL, c.id, {_MUTED}, s.has_blocked
FROM unnest($1, $2) WITH ORDINALITY AS wanted (sender, name, place)
LEFT JOIN users s ON s.username = wanted.sender
LEFT JOIN users r ON r.username = wanted.name
LEFT JOIN conversations c ON c.user_low = LEAST(s.id, r.id) AND c.user_high = GREATEST(s.id, r.id)
UNION ALL
SELECT true, place, ({_NEXT}), s.id, NULL, {_MEMBER}, c.id, false, s.has_blocked
FROM unnest($3, $4) WITH ORDINALITY AS wanted (sender, name, place)
LEFT JOIN users s ON s.username = wanted.sender
LEFT JOIN conversations c ON c.group_id = wanted.name;
PREPARE newest (bigint[], bigint[]) AS
UPDATE conversations SET last_seq = GREATEST(last_seq, newest.seq)
FROM unnest($1, $2) AS newest (id, seq) WHERE conversations.id = newest.id;
PREPARE quick {_quick(_TYPES, "$1, $2, $3, $4, $5, $6, $7", _COLUMNS, _TO_USERS)}
PREPARE quick_mixed {
    _quick(
        _TYPES + ", boolean[]",
        "$1, $2, $3, $4, $5, $6, $7, $8",
        _COLUMNS + ", in_group",
        _TO_USERS + " WHERE NOT in_group UNION ALL" + _TO_GROUPS,
    )
}
PREPARE mark (text[], text[], text[], bigint[], bigint[]) AS
WITH given AS NOT MATERIALIZED (
    SELECT * FROM unnest($1, $2, $3, $4, $5) WITH ORDINALITY
        AS given (username, other, group_id, delivered_seq, read_seq, place)
), wanted AS (
    SELECT s.id AS user_id, c.id AS conversation_id, c.last_seq, delivered_seq, read_seq, place
    FROM given
    JOIN users s ON s.username = given.username
    JOIN users o ON o.username = other
    JOIN conversations c ON c.user_low = LEAST(s.id, o.id) AND c.user_high = GREATEST(s.id, o.id)
    UNION ALL
    SELECT s.id, c.id, c.last_seq, delivered_seq, read_seq, place
    FROM given
    JOIN users s ON s.username = given.username
    JOIN conversations c ON c.group_id = given.group_id AND {_MEMBER}
)
UPDATE participants p
SET delivered_seq = GREATEST(p.delivered_seq, LEAST(wanted.delivered_seq, last_seq)),
    read_seq = GREATEST(p.read_seq, LEAST(wanted.read_seq, last_seq))
FROM wanted
WHERE p.user_id = wanted.user_id AND p.conversation_id = wanted.conversation_id
AND (p.delivered_seq < LEAST(wanted.delivered_seq, last_seq) OR p.read_seq < LEAST(wanted.read_seq, last_seq))
RETURNING place, p.delivered_seq, p.read_seq;
PREPARE targets (uuid[], bigint[], bigint[]) AS
SELECT wanted.message_id, wanted.conversation_id, reader.id, m.seq, m.sender_id, m.relation,
       root.seq, (extract(epoch FROM root.received_at) * 1000000)::bigint,
       m.body = '' AND m.relation IS DISTINCT FROM 'retract',
       (c.group_id IS NULL OR COALESCE((
           SELECT until_seq FROM spans WHERE user_id = reader.id AND conversation_id = c.id AND after_seq < m.seq
           ORDER BY after_seq DESC LIMIT 1
       ) >= m.seq, false)) AND NOT (reader.has_blocked AND COALESCE((
           SELECT until_seq FROM blocks WHERE user_id = reader.id AND blocked_id = m.sender_id AND after_seq < m.seq
           ORDER BY after_seq DESC LIMIT 1
       ) >= m.seq, false))
FROM unnest($1, $2, $3) AS wanted (message_id, conversation_id, reader_id)
JOIN users reader ON reader.id = wanted.reader_id
JOIN conversations c ON c.id = wanted.conversation_id
JOIN LATERAL (
    SELECT * FROM messages WHERE message_id = wanted.message_id
    AND conversation_id + 0 = c.id  -- not by its index: that would read the whole conversation
    ORDER BY seq LIMIT 1
) m ON true
JOIN messages root ON root.seq = CASE WHEN m.relation = 'edit' THEN m.relates_to_seq ELSE m.seq END
"""  # noqa: S608  # constants
"""What a connection begins with.

A server that waits for us within a transaction gives up after a while, for the lock's sake, if we freeze.

Planning these statements takes longer than running them, so they are planned once: see `db.PLAN_ONCE`.
`quick` stores all of its messages or, if a name or a conversation is not there, none; then it returns NULL. It is for
direct messages; `quick_mixed` is for those to groups too, and takes a little longer. Both say, by their places, which
receivers block the sender.

Under the archive lock nobody else draws a number. The sequence may lag behind the messages after a restore or a
failover; it is set right with the next message.
"""

BEGIN: Final = f"""
BEGIN;
SELECT pg_advisory_xact_lock({ARCHIVE_LOCK});
EXECUTE routes (%s, %s, %s, %s)
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

MARK: Final = "EXECUTE mark (%s, %s::text[], %s::text[], %s, %s)"

MARK_ALONE: Final = f"SELECT pg_advisory_xact_lock({ARCHIVE_LOCK}); {MARK}"
"""One transaction, as QUICK is: memberships end under the lock too."""

QUICK_MIXED: Final = QUICK.replace("EXECUTE quick ", "EXECUTE quick_mixed ").replace(
    "::text[], %s)", "::text[], %s, %s)"
)

FILED: Final = """
SELECT message_id, sender_id, seq, conversation_id,
       CASE WHEN body <> '' OR relation = 'retract' THEN sha256(body) END,
       CASE WHEN relation = 'edit' THEN relates_to_seq END,
       EXISTS (
           SELECT FROM conversations c JOIN users u ON u.id IN (c.user_low, c.user_high)
           WHERE c.id = conversation_id AND u.deleted_at IS NOT NULL AND u.id <> sender_id
       )
FROM messages WHERE message_id = ANY(%s::uuid[])
"""

TARGETS: Final = "EXECUTE targets (%s, %s, %s)"

BLOCKED: Final = f"SELECT user_id, blocked_id FROM blocks WHERE user_id = ANY(%s) AND until_seq = {SEQ_MAX}"  # noqa: S608  # a number
"""Whom these users block at present."""

CHANGE: Final = "UPDATE messages SET changed = true WHERE seq = ANY(%s) AND changed IS NOT TRUE"

EMPTY: Final = """
UPDATE messages SET body = ''
WHERE (seq = ANY(%(retracted)s) OR relates_to_seq = ANY(%(retracted)s) AND relation = 'edit' AND seq >= %(first)s)
AND body <> ''
"""
"""What is retracted is gone for good, and so are the edits of it that came with this batch, from number `first` on."""

EMPTY_EDITS: Final = """
WITH edits AS MATERIALIZED (
    SELECT e.* FROM unnest(%(retracted)s, %(after)s) AS given (target, after_seq)
    CROSS JOIN LATERAL (
        SELECT relates_to_seq, seq FROM messages
        WHERE relates_to_seq = target AND relation = 'edit' AND seq > given.after_seq
        ORDER BY relates_to_seq, relation, seq LIMIT %(most)s
    ) e
    LIMIT %(most)s
), emptied AS (
    UPDATE messages m SET body = '' FROM edits WHERE m.seq = edits.seq AND m.body <> ''
)
SELECT relates_to_seq, max(seq), count(*) FROM edits GROUP BY relates_to_seq
"""
"""So is what it was after it was edited before: `most` edits, those after a number of each message. Says how far it
got, and how many it has looked at."""

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
