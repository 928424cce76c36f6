"""The index of search, as it is filled (`db/migrations/0004_search.sql`). All but `sweep` inside a transaction."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from auth_api.pool import Cursor
from auth_api.queries.outcomes import EDITS_LOOKED_AT
from auth_api.search.postings import SEGMENT, Posting, unpack, without
from db import copy_from

_INDEX_LOCK: Final = 0x6E6A736561726368
_WORDS_AT_ONCE: Final = 500
"""Read of a segment; each may be in all of its messages, which is 128 KiB."""
_LINES_AT_ONCE: Final = 100
SIMPLE: Final = "simple"
"""The language that leaves words as they are."""


_SET_UP: Final = """
SET LOCAL statement_timeout = '10min';  -- closing a segment, or beginning anew, may take a while
SET LOCAL synchronous_commit = off;     -- what a crash takes from the index is indexed again; messages need the disk
"""


class State(NamedTuple):
    """Up to which message the index goes, in which language, and which number the archive has reached."""

    language: str
    indexed_seq: int
    newest_seq: int


class Searchable(NamedTuple):
    """What of a message is indexed; `relation` and `relates_to` as in the archive."""

    seq: int
    conversation_id: int
    relation: str | None
    relates_to: int | None
    content_type: str | None
    body: memoryview


def claim(cur: Cursor) -> State | None:
    """Claim the index until the end of the transaction, whose commit waits for no disk; None when another has it."""
    cur.execute("SELECT pg_try_advisory_xact_lock(%s)", (_INDEX_LOCK,))
    if cur.fetchone() != (True,):
        return None
    cur.execute(_SET_UP)
    cur.execute("SELECT language, indexed_seq, coalesce((SELECT max(seq) FROM messages), 0) FROM search_state")
    row = cur.fetchone()
    return State(*row) if row else None


def knows_language(cur: Cursor, language: str) -> bool:
    """Whether Postgres has a dictionary for it."""
    if language == SIMPLE:
        return True
    cur.execute(
        "SELECT 1 FROM pg_ts_dict WHERE dictnamespace = 'pg_catalog'::regnamespace AND dictname = %s",
        (f"{language}_stem",),
    )
    return cur.fetchone() is not None


def set_language(cur: Cursor, language: str) -> None:
    """Begin the index anew in another language. Nobody would ask for it again after a crash, so the commit waits."""
    cur.execute("SET LOCAL synchronous_commit = on")
    cur.execute("DELETE FROM search_words")
    cur.execute("DELETE FROM search_new_words")
    cur.execute("UPDATE search_state SET language = %s, indexed_seq = 0, generation = generation + 1", (language,))


def lexemes(cur: Cursor, language: str, words: Iterable[str]) -> dict[str, str | None]:
    """Ask Postgres what words are filed under in a language; None for those that are not."""
    if language == SIMPLE:
        return {}
    cur.execute(
        "SELECT w, l IS NULL, l[1] FROM (SELECT w, ts_lexize(%s, w) AS l FROM unnest(%s::text[]) AS w) AS found",
        (_dictionary(language), list(words)),
    )
    return {word: word if unknown else lexeme for word, unknown, lexeme in cur.fetchall()}


def following(cur: Cursor, after: int, most: int, most_bytes: int) -> list[Searchable]:
    """List the messages right after a number: at most so many, and, but for the first, of so many bytes."""
    cur.execute(
        """
        SELECT seq, conversation_id, relation, relates_to_seq, content_type, body
        FROM (
            SELECT *, sum(length(body)) OVER (ORDER BY seq) - length(body) AS before
            FROM (SELECT * FROM messages WHERE seq > %s ORDER BY seq LIMIT %s) m
        ) m
        WHERE before < %s ORDER BY seq
        """,
        (after, most, most_bytes),
    )
    return [Searchable(*row) for row in cur.fetchall()]


def bodies(cur: Cursor, seqs: Sequence[int]) -> list[Searchable]:
    """List messages and of their edits the newest, which are all that searches look at (`outcomes`)."""
    cur.execute(
        """
        SELECT m.seq, m.conversation_id, m.relation, m.relates_to_seq, m.content_type, m.body
        FROM unnest(%(seqs)s::bigint[]) AS wanted (seq)
        CROSS JOIN LATERAL (
            SELECT * FROM messages WHERE seq = wanted.seq
            UNION ALL (
                SELECT * FROM messages WHERE relates_to_seq = wanted.seq AND relation = 'edit'
                ORDER BY relates_to_seq DESC, relation DESC, seq DESC LIMIT %(edits)s
            )
        ) m
        WHERE m.body <> ''
        """,
        {"seqs": list(seqs), "edits": EDITS_LOOKED_AT},
    )
    return [Searchable(*row) for row in cur.fetchall()]


def add(cur: Cursor, postings: Iterable[Posting]) -> None:
    """Add postings, in the order of segment and word, to the open segments, as one part of each."""
    cur.execute("SELECT nextval('search_part')")
    ((part,),) = cur.fetchall()
    # In the order of the key, and by COPY: a third of the database's work. Words have no character to escape.
    lines = (f"{segment}\t{part}\t{word}\t\\\\x{seqs.hex()}\n" for segment, word, seqs in postings)
    copy_from(cur, "COPY search_new_words (segment, part, word, seqs) FROM STDIN", _joined(lines))


def _joined(lines: Iterator[str]) -> Iterator[bytes]:
    """Put lines together, some at a time: all of them would be megabytes."""
    while some := "".join(islice(lines, _LINES_AT_ONCE)):
        yield some.encode()


def reach(cur: Cursor, seq: int) -> None:
    """Note how far the index goes."""
    cur.execute("UPDATE search_state SET indexed_seq = %s", (seq,))


def close(cur: Cursor, segment: int) -> None:
    """Write the parts of a segment together, for good."""
    cur.execute(
        """
        WITH parts AS (DELETE FROM search_new_words WHERE segment = %s RETURNING word, seqs)
        INSERT INTO search_words (segment, word, seqs)
        SELECT %s, word, string_agg(seqs, ''::bytea) FROM parts GROUP BY word
        ON CONFLICT (segment, word) DO UPDATE SET seqs = search_words.seqs || excluded.seqs
        """,
        (segment, segment),
    )


def sweep(cur: Cursor) -> None:
    """Let the next segment use the room of the one that was closed. Not inside a transaction."""
    cur.execute("VACUUM search_new_words")


def take_stale(cur: Cursor, most: int) -> list[int]:
    """Take messages whose words are to be forgotten from the list of them."""
    cur.execute(
        "DELETE FROM search_stale WHERE ctid = ANY(ARRAY(SELECT ctid FROM search_stale LIMIT %s)) RETURNING seq",
        (most,),
    )
    return sorted({row[0] for row in cur.fetchall()})


def forget(cur: Cursor, segment: int, seqs: Iterable[int]) -> None:
    """Take messages of a segment out of the index, from whatever words they have there.

    These are read a part at a time: a few thousand large messages can have millions.
    """
    dropped = {seq % SEGMENT for seq in seqs}
    for table, key in (("search_words", ("word",)), ("search_new_words", ("word", "part"))):
        where = f"segment = %s AND {' AND '.join(f'{column} = %s' for column in key)}"
        cur.execute(
            f"DECLARE filed NO SCROLL CURSOR FOR SELECT seqs, {', '.join(key)} FROM {table} WHERE segment = %s",  # noqa: S608  # constants
            (segment,),
        )
        while rows := _next(cur):
            for seqs_of_word, *name in rows:
                if dropped.isdisjoint(unpack(seqs_of_word)):
                    continue
                kept = without(seqs_of_word, dropped)
                if kept:
                    cur.execute(f"UPDATE {table} SET seqs = %s WHERE {where}", (kept, segment, *name))  # noqa: S608  # constants
                else:
                    cur.execute(f"DELETE FROM {table} WHERE {where}", (segment, *name))  # noqa: S608  # constants
        cur.execute("CLOSE filed")


def _next(cur: Cursor) -> list[tuple[Any, ...]]:
    cur.execute("FETCH %s FROM filed", (_WORDS_AT_ONCE,))
    return cur.fetchall()


def _dictionary(language: str) -> str:
    return f"pg_catalog.{language}_stem"
