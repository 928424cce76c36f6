"""Edits, retractions, reactions and replies: what the archive makes of them, beside a plain model of the rules."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archiver import queries
from archiver.delivery import Delivery, Origin
from archiver.letters import Refused
from archiver.plan import Archived
from archiver.storage import Storage
from archiver.transaction import EDITS_AT_ONCE
from tests.integration.archiver.deliveries import ORIGIN, US, add_block, add_member, change, mail, numbers, rows
from wire.conversations import Conversation, direct, group
from wire.topics import message_topic

HOUR = 3600
EDIT_SECONDS = 2 * 24 * HOUR


@dataclass(frozen=True)
class Message:
    """A message: by one of four users, to one of them or, as number 4, to their group, after so many hours."""

    sender: int
    to: int
    id: str
    body: bytes
    relation: str | None
    relates_to: str
    hours: int


_RELATIONS = ["edit", "edit", "edit", "retract", "retract", "reaction", "reply", "thread"]


_HOURS = st.sampled_from([0, 0, 0, 0, 0, 0, 25])


def _id(number: int) -> str:
    return str(UUID(int=number))


@st.composite
def first_messages(draw: st.DrawFn, number: int) -> Message:
    """Make a message that has to do with no other but by chance."""
    sender = draw(st.sampled_from([0, 0, 0, 0, 1, 1, 2, 3]))
    hours = draw(_HOURS)
    to = draw(st.sampled_from([0, 1, 1, 1, 2, 4, 4, 4, 4]))
    relation = draw(st.sampled_from([None, None, None, "reply"]))
    return Message(sender, to, _id(number), b"x", relation, _id(draw(st.integers(1, 9))), hours)


@st.composite
def next_messages(draw: st.DrawFn, number: int, base: Message) -> Message:
    """Make a message that has to do with an earlier one: it relates to it, or it is sent again, or nearly so."""
    hours = draw(_HOURS)
    if draw(st.integers(0, 4)) == 0:
        to, body = draw(st.sampled_from([(base.to, base.body)] * 3 + [(base.to, b"y"), (4 - base.to, base.body)]))
        return replace(base, to=to, body=body, hours=hours)
    relation = draw(st.sampled_from(_RELATIONS))
    sender, to = base.sender, base.to
    if draw(st.integers(0, 3)) == 0:
        sender, to = (draw(st.integers(0, 3)), 4) if to == 4 else (to, sender)
    return Message(sender, to, _id(number), b"z", relation, base.id, hours)


@st.composite
def courses_of(draw: st.DrawFn, most: int) -> list[Message]:
    """Make messages, many of which have to do with earlier ones."""
    sent: list[Message] = []
    fresh: list[bool] = draw(st.lists(st.sampled_from([True, False, False, False]), min_size=1, max_size=most))
    for number, is_fresh in enumerate(fresh, 1):
        if is_fresh or not sent:
            sent.append(draw(first_messages(number)))
        else:
            sent.append(draw(next_messages(number, draw(st.sampled_from(sent[:2] + sent[-4:])))))
    return sent


@dataclass
class Kept:
    """A message as the model keeps it."""

    seq: int
    place: frozenset[int]
    sender: int
    id: str
    body: bytes
    relation: str | None
    relates_to: int | None
    at: int
    changed: bool = False


@dataclass
class Model:
    """The rules, one message after the other.

    User 3 is no member; user 1 becomes one when `joined` is the newest message, and user 0 blocks user 2 then.
    """

    kept: list[Kept] = field(default_factory=list)
    joined: int | None = None
    first: int = 1

    def send(self, message: Message, at: int) -> int | str:
        """Keep a message or refuse it."""
        place = frozenset({4}) if message.to == 4 else frozenset({message.sender, message.to})
        body = b"" if message.relation == "retract" else message.body
        for old in self.kept:
            if (old.id, old.sender) == (message.id, message.sender):
                erased = old.body == b"" and old.relation != "retract"
                return old.seq if old.place == place and (erased or old.body == body) else "id_conflict"
        if message.to == 4 and (message.sender == 3 or (message.sender == 1 and self.joined is None)):
            return "not_a_member"
        relates_to = None
        if message.relation is not None:
            target = next((one for one in self.kept if one.id == message.relates_to and one.place == place), None)
            if target is None or not self._allows(message, target, at):
                return "bad_relation"
            relates_to = self._change(message.relation, target)
        seq = self.first + len(self.kept)
        self.kept.append(Kept(seq, place, message.sender, message.id, body, message.relation, relates_to, at))
        return seq

    def _root(self, kept: Kept) -> Kept:
        return self.kept[(kept.relates_to or 0) - self.first] if kept.relation == "edit" else kept

    def _allows(self, message: Message, target: Kept, at: int) -> bool:
        if self.joined is not None:
            if message.to == 4 and message.sender == 1 and target.seq <= self.joined:
                return False
            if message.sender == 0 and target.sender == 2 and target.seq > self.joined:
                return False
        if message.relation not in {"edit", "retract"}:
            return True
        if target.sender != message.sender or target.relation == "retract":
            return False
        if target.relation == "reaction":
            return message.relation == "retract"
        retracted = message.relation == "edit" and target.body == b""
        return not retracted and at - self._root(target).at <= EDIT_SECONDS

    def _change(self, relation: str, target: Kept) -> int:
        if relation == "edit":
            self._root(target).changed = True
            return self._root(target).seq
        if relation == "reaction":
            target.changed = True
        if relation == "retract":
            target.changed = True
            target.body = b""
            for edit in self.kept:
                if edit.relation == "edit" and edit.relates_to == target.seq:
                    edit.body = b""
        return target.seq


_examples = itertools.count(1)


class Archive:
    """The archive, with four users and a group for one example."""

    def __init__(self, storage: Storage, url: str) -> None:
        self._storage = storage
        self._url = url
        self._mark = f"{next(_examples):04}"
        self._names = [f"{self._mark}-{number}" for number in range(4)]
        self._group = "g22222222" + self._mark.translate(str.maketrans("0189", "wxyz"))
        self._connections = itertools.count(1)
        self.first = int(rows(url, "SELECT COALESCE(max(seq), 0) + 1 FROM messages")[0][0])
        with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute("INSERT INTO users (username) SELECT unnest(%s)", (self._names,))
        change(
            url,
            "INSERT INTO groups (id, title, visibility, history)"  # noqa: S608  # names of ours
            f" VALUES ('{self._group}', '', 'open', 'since_joining');"
            f"INSERT INTO conversations (group_id) VALUES ('{self._group}')",
        )
        for number in (0, 2):
            add_member(url, self._names[number], self._group)

    def join(self) -> None:
        """Let user 1 join the group, and user 0 block user 2."""
        add_member(self._url, self._names[1], self._group)
        add_block(self._url, self._names[0], self._names[2])

    def store(self, batch: Sequence[tuple[Message, int]]) -> list[int | str]:
        """Store a batch of messages with their times."""
        items = [mail(self._delivery(number, message, at)) for number, (message, at) in enumerate(batch, 1)]
        outcomes = self._storage.store(Origin("archiver.1", next(self._connections), resumed=False), items)
        return [
            outcome.seq if isinstance(outcome, Archived) else outcome.reason
            for outcome in outcomes
            if isinstance(outcome, Archived | Refused)
        ]

    def kept(self) -> list[tuple[int, bytes, int | None, bool]]:
        """Return what is stored."""
        found = rows(
            self._url,
            f"SELECT seq, body, relates_to_seq, changed IS TRUE FROM messages WHERE seq >= {self.first} ORDER BY seq",  # noqa: S608  # a number
        )
        return [(seq, bytes(body), relates_to, changed) for seq, body, relates_to, changed in found]

    def _delivery(self, number: int, message: Message, at: int) -> Delivery:
        to: Conversation = group(self._group) if message.to == 4 else direct(self._names[message.to])
        properties = [("id", message.id)]
        if message.relation:
            properties += [("relation", message.relation), ("relates-to", message.relates_to)]
        body = b"" if message.relation == "retract" else message.body
        topic = message_topic(to, self._names[message.sender])
        return Delivery(number, number, False, topic, body, None, properties, US + at * 1_000_000)


def cut(sent: Sequence[tuple[Message, int]], cuts: Sequence[int]) -> list[Sequence[tuple[Message, int]]]:
    """Cut messages into batches."""
    ends = sorted({min(end, len(sent)) for end in cuts} | {len(sent)})
    return [sent[start:end] for start, end in itertools.pairwise([0, *ends]) if end > start]


@dataclass(frozen=True)
class Course:
    """Messages with their times in seconds, cut into batches; members change before the one at `joins`."""

    sent: list[tuple[Message, int]]
    joins: int
    cuts: list[int]


@st.composite
def courses(draw: st.DrawFn) -> Course:
    """Make messages, some of which come again at the end."""
    sent = draw(courses_of(14))
    sent += draw(
        st.lists(st.sampled_from(sent), max_size=6).map(lambda again: [replace(one, hours=0) for one in again])
    )
    clock = itertools.accumulate(message.hours * HOUR for message in sent)
    places = st.integers(0, len(sent))
    return Course(list(zip(sent, clock, strict=True)), draw(places), draw(st.lists(places, max_size=3)))


@pytest.fixture
def forgetful(url: str) -> Iterator[Storage]:
    """Open a storage that takes each batch to be new, since it is a long time after the one before."""
    opened = Storage(url, itertools.count(step=1000).__next__)
    yield opened
    opened.end()


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(course=courses(), careful=st.booleans())
def test_the_archive_follows_the_rules_however_messages_fall_into_batches_and_come_again(
    storage: Storage, forgetful: Storage, url: str, course: Course, careful: bool
) -> None:
    archive = Archive(storage if careful else forgetful, url)
    model = Model(first=archive.first)
    for batch in cut(course.sent[: course.joins], course.cuts):
        assert archive.store(batch) == [model.send(message, at) for message, at in batch]
    archive.join()
    model.joined = archive.first + len(model.kept) - 1
    for batch in cut(course.sent[course.joins :], course.cuts):
        assert archive.store(batch) == [model.send(message, at) for message, at in batch]
    assert archive.kept() == [(one.seq, one.body, one.relates_to, one.changed) for one in model.kept]


def message(
    body: bytes, id_: str, relation: str | None = None, relates_to: str | None = None, sender: int = 0
) -> Delivery:
    """Make a delivery between the first two users."""
    properties = [("id", id_)]
    if relation and relates_to:
        properties += [("relation", relation), ("relates-to", relates_to)]
    return Delivery(1, 1, False, f"users/user{1 - sender}/inbox/user{sender}", body, None, properties, US)


def test_what_is_retracted_is_nowhere_any_more_whether_stored_before_or_in_the_same_batch(
    storage: Storage, url: str
) -> None:
    for batches in (1, 3):
        original, edited, retraction = (str(uuid4()) for _ in range(3))
        mails = [
            mail(message(b"secret", original)),
            mail(message(b"a secret", edited, "edit", original)),
            mail(message(b"", retraction, "retract", original)),
        ]
        for part in [mails] if batches == 1 else [[one] for one in mails]:
            assert len(numbers(storage.store(ORIGIN, part))) == len(part)
        assert numbers(storage.store(ORIGIN, mails)) == [1, 2, 3] if batches == 1 else [4, 5, 6]
    assert rows(url, "SELECT count(*) FROM messages WHERE body <> ''") == [(0,)]
    assert rows(url, "SELECT seq FROM messages WHERE changed ORDER BY seq") == [(1,), (4,)]
    assert rows(url, "SELECT count(*) FROM dead_letters") == [(0,)]


def test_a_message_of_a_name_that_is_gone_is_known_again_by_its_id(storage: Storage, url: str) -> None:
    """Its receiver's account was deleted, name and all, before the receipt was there."""
    sent = mail(message(b"are you there?", str(uuid4())))
    first = storage.store(ORIGIN, [sent])
    change(url, "UPDATE users SET deleted_at = now(), username = 'deleted-abcdefghij' WHERE username = 'user1'")
    assert storage.store(ORIGIN, [sent]) == first
    [refused] = storage.store(ORIGIN, [mail(message(b"hello?", str(uuid4())))])
    assert isinstance(refused, Refused)
    assert refused.reason == "unknown_recipient"
    assert rows(url, "SELECT count(*) FROM dead_letters") == [(1,)]


def test_very_many_edits_are_emptied_in_parts_so_that_others_need_not_wait_for_all(storage: Storage, url: str) -> None:
    original = str(uuid4())
    storage.store(ORIGIN, [mail(message(b"secret", original))])
    change(
        url,
        """
        INSERT INTO messages (seq, conversation_id, sender_id, relates_to_seq, received_at, message_id, relation, body)
            SELECT nextval('message_seq'), conversation_id, sender_id, seq, now(), gen_random_uuid(), 'edit', 'a secret'
            FROM messages, generate_series(1, 3500)
        """,
    )
    mails = [
        mail(message(b"the last secret", str(uuid4()), "edit", original)),
        mail(message(b"", str(uuid4()), "retract", original)),
    ]
    assert numbers(storage.store(ORIGIN, mails)) == [3502, 3503]
    assert rows(url, "SELECT count(*) FROM messages WHERE body <> ''") == [(0,)]
    emptied = rows(url, "SELECT count(*) FROM messages WHERE relation = 'edit' GROUP BY xmin::text ORDER BY 1 DESC")
    assert emptied == [(EDITS_AT_ONCE,), (EDITS_AT_ONCE,), (EDITS_AT_ONCE,), (501,)]


def test_a_second_retraction_finds_nothing_to_empty(storage: Storage, url: str) -> None:
    """Else whoever edited very often could let the archive look at all of it again and again."""
    original = str(uuid4())
    edit = mail(message(b"a secret", str(uuid4()), "edit", original))
    retractions = [mail(message(b"", str(uuid4()), "retract", original)) for _ in range(2)]
    storage.store(ORIGIN, [mail(message(b"secret", original)), edit])
    storage.store(ORIGIN, retractions[:1])
    change(url, "UPDATE messages SET body = 'untouched' WHERE relation = 'edit'")
    assert numbers(storage.store(ORIGIN, retractions[1:])) == [4]
    assert rows(url, "SELECT convert_from(body, 'utf8') FROM messages WHERE relation = 'edit'") == [("untouched",)]


def test_who_came_and_went_or_blocked_very_often_costs_the_archive_no_more(storage: Storage, url: str) -> None:
    add_member(url, "user0")
    storage.store(ORIGIN, [mail(message(b"hello", str(uuid4()), sender=1))])
    change(
        url,
        """
        INSERT INTO spans (user_id, conversation_id, after_seq, until_seq)
            SELECT user_id, conversation_id, n, n + 1 FROM spans, generate_series(10, 40000, 2) n;
        UPDATE users SET has_blocked = true WHERE username = 'user0';
        INSERT INTO blocks (user_id, blocked_id, after_seq, until_seq)
            SELECT u.id, b.id, n, n + 1 FROM users u, users b, generate_series(10, 40000, 2) n
            WHERE u.username = 'user0' AND b.username = 'user1';
        UPDATE messages SET seq = 50000, conversation_id = (SELECT conversation_id FROM spans LIMIT 1);
        """,
    )
    [(id_, conversation, reader)] = rows(
        url, "SELECT message_id, conversation_id, u.id FROM messages, users u WHERE username = 'user0'"
    )
    asked = (
        f"targets ('{{{id_}}}', '{{{conversation}}}', '{{{reader}}}')",
        "routes ('{user1}', '{user0}', '{}', '{}')",
    )
    with closing(psycopg2.connect(url)) as db, db.cursor() as cursor:
        cursor.execute(queries.SET_UP)
        for call in asked:
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE {call}")
            [([explained, *_],)] = cursor.fetchall()
            assert explained["Plan"]["Shared Hit Blocks"] + explained["Plan"]["Shared Read Blocks"] < 60, call
