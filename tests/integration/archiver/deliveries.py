"""Messages as the archive gets them, and what it makes of them."""

from collections.abc import Sequence
from contextlib import closing
from typing import Any
from uuid import uuid4

import psycopg2

from archiver.delivery import Delivery, Origin
from archiver.letters import Mail, read_delivery
from archiver.plan import Archived
from wire.message import MessageId

LOBBY = "globby2222222"
US = 1_700_000_000_000_000
ORIGIN = Origin("archiver.1", 1, resumed=False)


def mail(delivery: Delivery) -> Mail:
    """Read a message."""
    read = read_delivery(delivery, uuid4)
    assert isinstance(read, Mail)
    return read


def item(
    body: bytes, *, sender: int = 0, to: int = 1, ids: bool = True, number: int = 1, duplicate: bool = False
) -> Mail:
    """Make a message; its packet id is its number."""
    properties = [("id", str(uuid4()))] if ids else []
    topic = f"users/user{to}/inbox/user{sender}"
    packet_id = (number - 1) % 65_535 + 1
    return mail(Delivery(number, packet_id, duplicate, topic, body, None, properties, US))


def in_group(body: bytes, *, sender: int = 0, group: str = LOBBY) -> Mail:
    """Make a message to a group."""
    topic = f"groups/{group}/messages/user{sender}"
    return mail(Delivery(1, 1, False, topic, body, None, [("id", str(uuid4()))], US))


def add_member(url: str, user: str, group: str = LOBBY) -> None:
    """Let a user join a group, to read from the newest message on."""
    change(
        url,
        f"""
        INSERT INTO members (group_id, user_id, role)
            SELECT '{group}', id, 'member' FROM users WHERE username = '{user}';
        INSERT INTO participants (user_id, conversation_id)
            SELECT u.id, c.id FROM users u, conversations c WHERE username = '{user}' AND group_id = '{group}'
            ON CONFLICT DO NOTHING;
        INSERT INTO spans (user_id, conversation_id, after_seq)
            SELECT u.id, c.id, (SELECT COALESCE(max(seq), 0) FROM messages) FROM users u, conversations c
            WHERE username = '{user}' AND group_id = '{group}'
            ON CONFLICT (user_id, conversation_id, after_seq) DO UPDATE SET until_seq = excluded.until_seq
        """,  # noqa: S608  # names of ours
    )


def remove_member(url: str, user: str, group: str = LOBBY) -> None:
    """Let a user leave a group."""
    change(
        url,
        f"""
        DELETE FROM members USING users u WHERE u.id = user_id AND username = '{user}' AND group_id = '{group}';
        UPDATE spans SET until_seq = (SELECT COALESCE(max(seq), 0) FROM messages)
            FROM users u, conversations c WHERE u.id = user_id AND username = '{user}'
            AND c.id = conversation_id AND group_id = '{group}' AND until_seq = 9223372036854775807
        """,  # noqa: S608  # names of ours
    )


def add_block(url: str, user: str, blocked: str) -> None:
    """Let a user block another from the newest message on."""
    change(
        url,
        f"""
        UPDATE users SET has_blocked = true WHERE username = '{user}';
        INSERT INTO blocks (user_id, blocked_id, after_seq)
            SELECT u.id, b.id, (SELECT COALESCE(max(seq), 0) FROM messages) FROM users u, users b
            WHERE u.username = '{user}' AND b.username = '{blocked}'
        """,  # noqa: S608  # names of ours
    )


def muted(outcomes: Sequence[object] | None) -> list[bool]:
    """Say of which stored messages their receivers are not told."""
    return [outcome.muted for outcome in outcomes or () if isinstance(outcome, Archived)]


def new_id() -> MessageId:
    """Make an id as the archiver does for a message without one."""
    return MessageId(str(uuid4()))


def rows(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Run a query."""
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def change(url: str, statement: str) -> None:
    """Change the database behind the archiver's back."""
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)


def numbers(outcomes: Sequence[object]) -> list[int]:
    """Return the numbers of what is stored."""
    return [outcome.seq for outcome in outcomes if isinstance(outcome, Archived)]
