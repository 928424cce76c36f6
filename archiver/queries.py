"""The SQL of a batch, by name; `storage` runs it."""

from typing import Final

from archiver.rows import COLUMNS

BEGIN: Final = """
BEGIN ISOLATION LEVEL READ COMMITTED;
SELECT pg_advisory_xact_lock(%(lock)s);
SELECT wanted.sender, wanted.recipient, s.id, r.id, r.deleted_at IS NULL, c.id,
       (SELECT GREATEST(last_value + is_called::integer, (SELECT max(seq) + 1 FROM messages)) FROM message_seq)
FROM unnest(%(senders)s::text[], %(recipients)s::text[]) AS wanted (sender, recipient)
LEFT JOIN users s ON s.username = wanted.sender
LEFT JOIN users r ON r.username = wanted.recipient
LEFT JOIN conversations c ON c.user_low = LEAST(s.id, r.id) AND c.user_high = GREATEST(s.id, r.id)
"""
"""Take the archive lock, then look up who writes to whom, and the number that comes next.

Each statement sees what is committed when it begins, so the second sees what the lock's last holder has written.
Under the lock nobody else draws a number. The sequence may lag behind the messages after a restore or a failover; it
is set right with the next message.
"""

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
UPDATE conversations SET last_seq = GREATEST(last_seq, newest.seq)
FROM unnest(%s::bigint[], %s::bigint[]) AS newest (id, seq) WHERE conversations.id = newest.id;
SELECT setval('message_seq', %s);
COMMIT"""

KEEP_DEAD_LETTERS: Final = """
INSERT INTO dead_letters (received_at, topic, reason, detail, content_type, properties, body) VALUES %s
"""

CHECK: Final = "SELECT 1 FROM message_seq, (SELECT FROM unacknowledged LIMIT 1) AS newest_table"
