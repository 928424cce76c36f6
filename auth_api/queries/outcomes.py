"""What became of messages: edits, retractions and reactions, as far as one user may read those; and their versions.

An edit or a reaction counts if its reader may read it as a message. A retraction always does: the body is gone. Of one
message a bounded number of edits and reactions is looked at, whatever its conversation's members send.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

from auth_api.message_json import Edit, Outcome, StoredMessage
from auth_api.pool import Cursor, Statement
from auth_api.queries.readable import TIME, hidden, in_span
from wire.message import REACTION_MAX

EDITS_LOOKED_AT: Final = 100
REACTIONS_LOOKED_AT: Final = 500
REACTIONS_SHOWN: Final = 200
_RELATED: Final = """
    SELECT n.* FROM messages n WHERE n.relates_to_seq = m.seq AND n.relation = '{relation}'
    ORDER BY n.relates_to_seq DESC, n.relation DESC, n.seq DESC LIMIT {most}
"""
_EDITS: Final = _RELATED.format(relation="edit", most=EDITS_LOOKED_AT)
_NEWEST_REACTIONS: Final = _RELATED.format(relation="reaction", most=REACTIONS_LOOKED_AT)
_RETRACTED: Final = f"""
    SELECT to_char(r.received_at, {TIME}) FROM messages r WHERE r.relates_to_seq = {{target}} AND r.relation = 'retract'
    ORDER BY r.relates_to_seq, r.relation, r.seq LIMIT 1
"""  # noqa: S608  # constants
_WANTED: Final = """
    FROM users me CROSS JOIN unnest($2) wanted
    CROSS JOIN LATERAL (SELECT * FROM messages WHERE seq = wanted OFFSET 0) m
    CROSS JOIN LATERAL (SELECT * FROM conversations WHERE id = m.conversation_id OFFSET 0) c
"""
"""OFFSET 0 keeps each from being read as a whole by a plan for few of them."""
OUTCOMES: Final = Statement(
    "outcomes",
    ("bigint", "bigint[]"),
    f"""
    SELECT m.seq, e.content_type, e.body, to_char(e.received_at, {TIME}), CASE WHEN m.body = '' THEN least(
        ({_RETRACTED.format(target="m.seq")}),
        CASE WHEN m.relation = 'edit' THEN ({_RETRACTED.format(target="m.relates_to_seq")}) END
    ) END
    {_WANTED}
    LEFT JOIN LATERAL (
        SELECT e.* FROM ({_EDITS}) e
        WHERE m.body <> '' AND e.body <> '' AND {in_span("e")} AND NOT {hidden("e")}
        ORDER BY e.seq DESC LIMIT 1
    ) e ON true
    WHERE me.id = $1
    """,  # noqa: S608  # constants
)
REACTIONS: Final = Statement(
    "reactions",
    ("bigint", "bigint[]"),
    f"""
    SELECT m.seq, r.body, (SELECT u.username FROM users u WHERE u.id = r.sender_id)
    {_WANTED}
    CROSS JOIN LATERAL (
        SELECT r.sender_id, r.body, min(r.seq) AS seq FROM ({_NEWEST_REACTIONS}) r
        WHERE m.body <> '' AND length(r.body) BETWEEN 1 AND {REACTION_MAX} AND {in_span("r")} AND NOT {hidden("r")}
        GROUP BY r.sender_id, r.body ORDER BY max(r.seq) DESC LIMIT {REACTIONS_SHOWN}
    ) r
    WHERE me.id = $1
    ORDER BY m.seq, r.seq
    """,  # noqa: S608  # constants
)
VERSIONS: Final = Statement(
    "versions",
    ("bigint", "bigint[]"),
    f"""
    SELECT v.seq, v.content_type, v.body, to_char(coalesce(v.sent_at, v.received_at), {TIME})
    {_WANTED}
    CROSS JOIN LATERAL (SELECT m.* UNION ALL SELECT e.* FROM ({_EDITS}) e) v
    WHERE me.id = $1 AND m.body <> '' AND v.body <> '' AND {in_span("v")} AND NOT {hidden("v")}
    ORDER BY v.seq
    """,  # noqa: S608  # constants
)


class Version(NamedTuple):
    """A message's content as it was at one time; `seq` is of the message that brought it, `sent_at` as it is shown."""

    seq: int
    content_type: str | None
    body: bytes | memoryview
    sent_at: str


def added(cur: Cursor, user_id: int, messages: list[StoredMessage]) -> list[StoredMessage]:
    """Give those messages their outcomes that have one. A body is empty in a retraction, and where it was retracted."""
    wanted = [each.seq for each in messages if each.changed or not each.body]
    if not wanted:
        return messages
    found = _outcomes(cur, user_id, wanted)
    return [each._replace(outcome=found.get(each.seq)) for each in messages]


def versions(cur: Cursor, user_id: int, message: StoredMessage) -> list[Version]:
    """List the versions of a message, or of that which it edits, as far as the user may read them; oldest first."""
    original = message.relates_to if message.relation == "edit" else message.seq
    cur.run(VERSIONS, user_id, [original])
    return [Version(*row) for row in cur.fetchall()]


def _outcomes(cur: Cursor, user_id: int, wanted: Sequence[int]) -> dict[int, Outcome]:
    cur.run(OUTCOMES, user_id, list(wanted))
    rows = cur.fetchall()
    cur.run(REACTIONS, user_id, list(wanted))
    reactions = _by_message(cur.fetchall())
    return {
        seq: Outcome(Edit(content_type, body, edited_at) if edited_at else None, retracted_at, reactions.get(seq, {}))
        for seq, content_type, body, edited_at, retracted_at in rows
    }


def _by_message(rows: Sequence[tuple[int, memoryview, str]]) -> dict[int, dict[str, list[str]]]:
    """Gather reactions: by message, then by reaction in the order of the first of each, the names sorted."""
    found: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for seq, body, username in rows:
        try:
            found[seq][str(body, "utf-8")].append(username)
        except UnicodeDecodeError:
            continue  # stored before the archive looked at what a reaction is
    return {seq: {text: sorted(names) for text, names in each.items()} for seq, each in found.items()}
