"""An archive that can be searched, and how far the index of it goes."""

import io
import random
from collections.abc import Sequence
from itertools import islice
from uuid import UUID

from benchmarks.queries import cursor_of
from benchmarks.texts import texts

Pair = tuple[str, str]
_COPY = "COPY messages (seq, conversation_id, sender_id, sent_at, received_at, message_id, body) FROM STDIN"
_PORTION = 50_000
_UNINDEXED = 512
"""What the index leaves to be read at each search."""


def fill(database_url: str, words: list[str], pairs: Sequence[Pair], weights: Sequence[int], count: int) -> None:
    """Store `count` messages in conversations of pairs, by chance as often as their weights say."""
    chance = random.Random(3)
    written = texts(words)
    names = [list(side) for side in zip(*pairs, strict=True)]
    with cursor_of(database_url) as cursor:
        cursor.execute(
            """
            WITH made AS (
                INSERT INTO conversations (user_low, user_high)
                SELECT least(a.id, b.id), greatest(a.id, b.id)
                FROM unnest(%s::text[], %s::text[]) AS given (one, other)
                JOIN users a ON a.username = given.one JOIN users b ON b.username = given.other
                RETURNING id, user_low, user_high
            ), joined AS (
                INSERT INTO participants (conversation_id, user_id)
                SELECT id, unnest(ARRAY[user_low, user_high]) FROM made
            )
            SELECT made.id, a.id, b.id
            FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS given (one, other, number)
            JOIN users a ON a.username = given.one JOIN users b ON b.username = given.other
            JOIN made ON made.user_low = least(a.id, b.id) AND made.user_high = greatest(a.id, b.id)
            ORDER BY given.number
            """,
            [*names, *names],
        )
        found = cursor.fetchall()
        for first in range(1, count + 1, _PORTION):
            size = min(_PORTION, count + 1 - first)
            chosen = chance.choices(found, weights, k=size)
            lines = [
                f"{first + number}\t{id_}\t{chance.choice(users)}\tnow\tnow\t{_uuid(chance)}\t{body}\n"
                for number, ((id_, *users), body) in enumerate(zip(chosen, islice(written, size), strict=True))
            ]
            cursor.copy_expert(_COPY, io.StringIO("".join(lines)))
        cursor.execute("SELECT setval('message_seq', %s)", (count,))
        cursor.execute(
            "UPDATE conversations c SET last_seq = m.max"
            " FROM (SELECT conversation_id, max(seq) FROM messages GROUP BY 1) m WHERE m.conversation_id = c.id"
        )


def is_indexed(database_url: str, count: int) -> bool:
    """Whether the index goes as far as it will."""
    with cursor_of(database_url) as cursor:
        cursor.execute("SELECT indexed_seq FROM search_state")
        return int(cursor.fetchall()[0][0]) > count - _UNINDEXED


def bytes_of(database_url: str) -> tuple[int, int]:
    """Return the bytes that messages take with their indexes, and those that the index of search takes besides."""
    with cursor_of(database_url) as cursor:
        cursor.execute(
            "SELECT pg_total_relation_size('messages'),"
            " pg_total_relation_size('search_words') + pg_total_relation_size('search_new_words')"
        )
        messages, index = cursor.fetchall()[0]
        return int(messages), int(index)


def _uuid(chance: random.Random) -> UUID:
    return UUID(int=chance.getrandbits(128))
