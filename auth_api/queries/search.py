"""What a search reads: of the index, and of the messages that may match."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from auth_api.message_json import StoredMessage
from auth_api.pool import Cursor, Statement
from auth_api.queries import outcomes
from auth_api.queries.messages import named
from auth_api.queries.outcomes import EDITS_LOOKED_AT
from auth_api.queries.readable import COLUMNS, OTHER, hidden, in_span, message, stored
from auth_api.queries.sessions import for_session, session_statement
from auth_api.tokens import AccessClaims

FEW: Final = 64
"""So many messages of a segment are rather read than looked up under more words."""

TEXTS_BYTES: Final = 1024 * 1024
"""Bodies are read until there are so many bytes of them: cut into words they take some twenty times as much."""


class Scope(NamedTuple):
    """Where is searched: for whom, in which conversations, and how far the index goes."""

    language: str
    generation: int
    indexed_seq: int
    newest_seq: int
    knows_user: bool
    conversations: list[int]
    user_id: int


class Text(NamedTuple):
    """A message that may be a result, with its newest body."""

    seq: int
    content_type: str | None
    body: memoryview


_SCOPE: Final = session_statement(
    "search_scope",
    ("text", "text"),
    """
    s.language, s.generation, s.indexed_seq, coalesce((SELECT max(seq) FROM messages), 0), o.id IS NOT NULL,
    CASE
        WHEN $3 IS NOT NULL THEN ARRAY(
            SELECT c.id FROM conversations c
            WHERE c.user_low = least(o.id, me.id) AND c.user_high = greatest(o.id, me.id)
        )
        WHEN $4 IS NOT NULL THEN ARRAY(
            SELECT p.conversation_id FROM conversations c
            JOIN participants p ON p.conversation_id = c.id AND p.user_id = me.id WHERE c.group_id = $4
        )
        ELSE ARRAY(SELECT p.conversation_id FROM participants p WHERE p.user_id = me.id)
    END
    """,
    """
    LEFT JOIN search_state s ON true
    LEFT JOIN users o ON o.username = $3
    """,
)
_NEWEST_SEGMENT: Final = Statement(
    "search_newest_segment",
    ("bigint",),
    """
    SELECT greatest(
        (SELECT max(segment) FROM search_words WHERE segment <= $1),
        (SELECT max(segment) FROM search_new_words WHERE segment <= $1)
    )
    """,
)
_RECENT: Final = Statement(
    "search_recent",
    ("bigint[]", "bigint", "bigint"),
    """
    SELECT DISTINCT CASE WHEN m.relation = 'edit' THEN m.relates_to_seq ELSE m.seq END
    FROM unnest($1) AS given (id)
    JOIN conversations c ON c.id = given.id AND c.last_seq > $2
    JOIN messages m ON m.conversation_id = c.id AND m.seq > $2
    WHERE CASE WHEN m.relation = 'edit' THEN m.relates_to_seq ELSE m.seq END < $3
        AND (m.relation IS NULL OR m.relation IN ('reply', 'thread', 'edit'))
    """,
)
_FILED_UNDER_ANY: Final = Statement(
    "search_filed_under_any",
    ("integer[]", "text[]"),
    """
    SELECT w.segment, w.seqs, w.word
    FROM unnest($1) AS given (segment) JOIN search_words w ON w.segment = given.segment AND w.word = ANY($2)
    UNION ALL
    SELECT w.segment, w.seqs, w.word
    FROM unnest($1) AS given (segment) JOIN search_new_words w ON w.segment = given.segment AND w.word = ANY($2)
    """,
)
_FILED: Final = Statement(
    "search_filed",
    _FILED_UNDER_ANY.types,
    f"""
    SELECT segment, word, seqs
    FROM (
        SELECT *, min(bytes) OVER segment AS least, count(*) FILTER (WHERE first) OVER segment AS words
        FROM (
            SELECT *, sum(length(seqs)) OVER word AS bytes, row_number() OVER word = 1 AS first
            FROM ({_FILED_UNDER_ANY.sql}) filed
            WINDOW word AS (PARTITION BY segment, word)
        ) filed
        WINDOW segment AS (PARTITION BY segment)
    ) filed
    WHERE words = cardinality($2) AND (least > {2 * FEW} OR bytes = least)
    """,  # noqa: S608  # constants
)
_FILED_FROM: Final = Statement(
    "search_filed_from",
    ("integer[]", "text", "text"),
    """
    SELECT w.segment, w.seqs FROM unnest($1) AS given (segment)
    JOIN search_words w ON w.segment = given.segment AND w.word >= $2 AND w.word < $3
    UNION ALL
    SELECT w.segment, w.seqs FROM unnest($1) AS given (segment)
    JOIN search_new_words w ON w.segment = given.segment AND w.word >= $2 AND w.word < $3
    """,
)
_TEXTS: Final = Statement(
    "search_texts",
    ("bigint", "bigint[]", "bigint[]"),
    f"""
    SELECT seq, content_type, body FROM (
    SELECT *, sum(length(body)) OVER (ORDER BY seq DESC) - length(body) AS before FROM (
    SELECT m.seq, CASE WHEN e.seq IS NULL THEN m.content_type ELSE e.content_type END, coalesce(e.body, m.body)
    FROM users me
    CROSS JOIN unnest($3) AS given (seq)
    JOIN messages m ON m.seq = given.seq AND m.conversation_id = ANY($2)
    JOIN conversations c ON c.id = m.conversation_id
    LEFT JOIN LATERAL (
        SELECT e.* FROM (
            SELECT n.* FROM messages n WHERE m.changed AND n.relates_to_seq = m.seq AND n.relation = 'edit'
            ORDER BY n.relates_to_seq DESC, n.relation DESC, n.seq DESC LIMIT {EDITS_LOOKED_AT}
        ) e
        WHERE e.body <> '' AND {in_span("e")} AND NOT {hidden("e")}
        ORDER BY e.seq DESC LIMIT 1
    ) e ON true
    WHERE me.id = $1 AND m.body <> '' AND (m.relation IS NULL OR m.relation IN ('reply', 'thread'))
        AND {in_span("m")} AND NOT {hidden("m")}
    ) m (seq, content_type, body)
    ) m
    WHERE before < {TEXTS_BYTES} ORDER BY seq DESC
    """,  # noqa: S608  # constants
)
_SHOWN: Final = session_statement(
    "search_shown",
    ("bigint[]",),
    "m.*",
    f"""
    LEFT JOIN LATERAL (
        SELECT {message("s.username")}, o.username, c.group_id
        FROM unnest($3) AS given (seq)
        JOIN messages m ON m.seq = given.seq
        JOIN conversations c ON c.id = m.conversation_id
        JOIN users s ON s.id = m.sender_id
        LEFT JOIN users o ON {OTHER}
    ) m ON true
    """,  # noqa: S608  # constants
)


def scope(cur: Cursor, claims: AccessClaims, other: str | None, group: str | None) -> Scope:
    """Find out where is searched: with a user, in a group, or everywhere. Raises UnauthenticatedError."""
    (row,) = for_session(cur, claims, _SCOPE, other, group)
    return Scope(*row[:-1])


def generation(cur: Cursor) -> int:
    """Say which time the index has been begun anew."""
    cur.execute("SELECT generation FROM search_state")
    row = cur.fetchone()
    return row[0] if row else 0


def recent(cur: Cursor, found: Scope, before: int) -> list[int]:
    """List the messages that are not indexed yet, or that edits change which are not, below a number."""
    cur.run(_RECENT, found.conversations, found.indexed_seq, before)
    return [row[0] for row in cur.fetchall()]


def filed(cur: Cursor, segments: Sequence[int], keys: Sequence[str]) -> list[tuple[int, str, memoryview]]:
    """List what is filed under keys in segments: segment, key, packed messages.

    Nothing of segments that have not all of the keys; and where few messages have one of them, nothing of the others.
    """
    cur.run(_FILED, list(segments), list(keys))
    return cur.fetchall()


def newest_segment(cur: Cursor, upto: int) -> int:
    """Find the newest segment up to one in which anything is filed; -1 if there is none."""
    cur.run(_NEWEST_SEGMENT, upto)
    row = cur.fetchone()
    return -1 if row is None or row[0] is None else row[0]


def filed_under_any(cur: Cursor, segments: Sequence[int], keys: Sequence[str]) -> list[tuple[int, memoryview, str]]:
    """List what is filed under any of some keys in segments: segment, packed messages, key."""
    cur.run(_FILED_UNDER_ANY, list(segments), list(keys))
    return cur.fetchall()


def spans(cur: Cursor, user_id: int) -> dict[int, list[tuple[int, int]]]:
    """List what a user may read of groups' conversations: by conversation, each (after_seq, until_seq] in order."""
    cur.execute(
        "SELECT conversation_id, after_seq, until_seq FROM spans WHERE user_id = %s ORDER BY user_id, 1, 2", (user_id,)
    )
    found: dict[int, list[tuple[int, int]]] = {}
    for conversation_id, after, until in cur.fetchall():
        found.setdefault(conversation_id, []).append((after, until))
    return found


def filed_from(cur: Cursor, segments: Sequence[int], beginning: str) -> list[tuple[int, memoryview]]:
    """List what is filed under keys with a beginning in segments: segment, packed messages."""
    cur.run(_FILED_FROM, list(segments), beginning, f"{beginning}\U0010ffff")
    return cur.fetchall()


def texts(cur: Cursor, found: Scope, seqs: Sequence[int]) -> list[Text]:
    """Read those of some messages that may be results, each with its newest body, the newest first.

    If their bodies have `TEXTS_BYTES` or more together, there may be more, all of them older.
    """
    cur.run(_TEXTS, found.user_id, found.conversations, list(seqs))
    return [Text(*row) for row in cur.fetchall()]


def shown(cur: Cursor, claims: AccessClaims, seqs: Sequence[int]) -> dict[int, StoredMessage]:
    """Read messages that `texts` has given, as they are shown. Raises UnauthenticatedError."""
    rows = for_session(cur, claims, _SHOWN, list(seqs))
    found = [stored(named(*row[COLUMNS : COLUMNS + 2]), row) for row in rows if row[0] is not None]
    return {each.seq: each for each in outcomes.added(cur, rows[0][-2], found)}
