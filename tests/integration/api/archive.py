"""Messages put straight into the archive, as the archiver would, for tests of reading."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from psycopg2.extensions import connection


class Archive:
    """Writes rows of the archive's tables."""

    def __init__(self, db: connection) -> None:
        self._db = db

    def store(
        self,
        sender: str,
        to: str,
        body: bytes = b"hello",
        content_type: str | None = None,
        *,
        message_id: UUID | None = None,
        sent_at: datetime | None = None,
        relation: tuple[str, int] | None = None,
    ) -> int:
        """Store a message; return its seq."""
        sender_id, to_id = self._user(sender), self._user(to)
        low, high = sorted((sender_id, to_id))
        kind, target = relation or (None, None)
        with self._db.cursor() as cur:
            cur.execute(
                """
                INSERT INTO conversations (user_low, user_high) VALUES (%s, %s)
                ON CONFLICT (user_low, user_high) DO UPDATE SET user_low = excluded.user_low RETURNING id
                """,
                (low, high),
            )
            conversation = self._one(cur.fetchone())
            for user in {low, high}:
                cur.execute(
                    "INSERT INTO participants (user_id, conversation_id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                    (user, conversation),
                )
            cur.execute(
                """
                INSERT INTO messages (seq, conversation_id, sender_id, relates_to_seq, sent_at, received_at,
                                      message_id, relation, content_type, body)
                VALUES (nextval('message_seq'), %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING seq
                """,
                (
                    conversation,
                    sender_id,
                    target,
                    sent_at,
                    datetime.now(UTC),
                    str(message_id or uuid4()),
                    kind,
                    content_type,
                    body,
                ),
            )
            seq = self._one(cur.fetchone())
            cur.execute("UPDATE conversations SET last_seq = %s WHERE id = %s", (seq, conversation))
        return seq

    def mark_read(self, username: str, seq: int) -> None:
        """Say that a user has read up to a seq, in all conversations."""
        with self._db.cursor() as cur:
            cur.execute("UPDATE participants SET read_seq = %s WHERE user_id = %s", (seq, self._user(username)))

    def _user(self, username: str) -> int:
        with self._db.cursor() as cur:
            cur.execute("SELECT id FROM users WHERE username = %s", (username,))
            return self._one(cur.fetchone())

    @staticmethod
    def _one(row: tuple[int] | None) -> int:
        assert row is not None
        return row[0]
