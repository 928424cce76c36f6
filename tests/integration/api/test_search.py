"""Search: what it finds beside a plain model of it, for whom, in which order, and what it makes of hostile queries."""

import itertools
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2.extensions import connection

from auth_api.errors import NotFoundError, UnavailableError
from auth_api.pool import Pool
from auth_api.queries.search import TEXTS_BYTES, scope, texts
from auth_api.search.finding import Asked, find
from auth_api.search.indexing import Indexer
from auth_api.search.postings import SEGMENT
from auth_api.search.snippets import BEGIN, END
from auth_api.tokens import AccessClaims
from tests.integration.api.archive import Archive
from tests.integration.api.people import Person, assert_problem
from tests.support.stack import wait_for

PEOPLE = ("alice", "bobby", "carol")
GROUP = "gsearchsearch"
PLACES = ("alice bobby", "alice carol", "bobby carol", "alice alice", GROUP)
PIECES = {
    "hello": ["hello"],
    "HELLO": ["hello"],
    "help": ["help"],
    "e-mail": ["e", "mail"],
    "É": ["é"],
    "e\u0301": ["é"],
    "世界": ["世", "界"],
    "界": ["界"],
    "שלום": ["שלום"],
    "नमस्ते": ["नमस्ते"],
    "👍": ["👍"],
    "👍🏽": ["👍", "🏽"],
    "x_1": ["x", "1"],
    "\0": [],
    "'); --": [],
}
"""What texts and searches are made of, and the words in it."""
Pieces = list[str]
Terms = list[tuple[str, Pieces]]


@dataclass
class Row:
    """A message, in the model."""

    seq: int
    sender: str
    place: str
    pieces: Pieces
    edits: dict[int, Pieces] = field(default_factory=dict)
    retracted: bool = False


class World:
    """An archive with three people and a group, and the model of it."""

    def __init__(self, db: connection, pool: Pool) -> None:
        self.db, self.pool = db, pool
        self.rows: list[Row] = []
        self.hidden: dict[str, list[tuple[str, int, int | None]]] = {name: [] for name in PEOPLE}
        self.carol_joined: int | None = None
        self.newest = 0
        self.indexer = Indexer(pool, "simple", least=1)
        self.sql("TRUNCATE messages, search_words, search_new_words, search_stale, blocks, spans, participants")
        self.sql("DELETE FROM conversations WHERE group_id IS DISTINCT FROM 'globby2222222'")
        self.sql("DELETE FROM devices; DELETE FROM groups WHERE id = %s", GROUP)
        self.sql("DELETE FROM users; UPDATE search_state SET indexed_seq = 0")
        for name in PEOPLE:
            self.sql("INSERT INTO users (username) VALUES (%s)", name)
            self.sql("INSERT INTO devices (id, user_id) SELECT %s, id FROM users WHERE username = %s", name, name)
        self.sql("INSERT INTO groups (id, title, visibility, history) VALUES (%s, '', 'open', 'all')", GROUP)
        self.ids = {
            place: self.one(
                "INSERT INTO conversations (user_low, user_high) SELECT a.id, b.id FROM users a, users b"
                " WHERE a.username = %s AND b.username = %s RETURNING id",
                *place.split(),
            )
            for place in PLACES
            if place != GROUP
        }
        self.ids[GROUP] = self.one("INSERT INTO conversations (group_id) VALUES (%s) RETURNING id", GROUP)
        for place in PLACES[:-1]:
            for name in set(place.split()):
                self.take_part(name, place)
        for name in ("alice", "bobby"):
            self.take_part(name, GROUP)
            self.sql(
                "INSERT INTO spans (conversation_id, user_id, after_seq)"
                " SELECT %s, id, 0 FROM users WHERE username = %s",
                self.ids[GROUP],
                name,
            )

    def sql(self, statement: str, *values: object) -> None:
        with self.db.cursor() as cur:
            cur.execute(statement, values or None)

    def one(self, statement: str, *values: object) -> int:
        with self.db.cursor() as cur:
            cur.execute(statement, values)
            row = cur.fetchone()
            assert row is not None
            return int(row[0])

    def take_part(self, name: str, place: str) -> None:
        self.sql(
            "INSERT INTO participants (user_id, conversation_id) SELECT id, %s FROM users WHERE username = %s",
            self.ids[place],
            name,
        )

    def insert(  # noqa: PLR0917  # a row's columns, in their order
        self,
        sender: str,
        place: str,
        body: bytes,
        relation: str | None = None,
        target: int | None = None,
        step: int = 1,
    ) -> int:
        self.newest += step
        self.sql(
            "INSERT INTO messages (seq, conversation_id, sender_id, received_at, message_id, relates_to_seq, relation,"
            " body) SELECT %s, %s, id, now(), gen_random_uuid(), %s, %s, %s FROM users WHERE username = %s",
            self.newest,
            self.ids[place],
            target,
            relation,
            body,
            sender,
        )
        self.sql("UPDATE conversations SET last_seq = %s WHERE id = %s", self.newest, self.ids[place])
        return self.newest

    def say(self, number: int, place: str, pieces: Pieces, step: int) -> None:
        people = ("alice", "bobby") if place == GROUP else place.split()
        sender = people[number % len(people)]
        seq = self.insert(sender, place, text(pieces), step=step)
        self.rows.append(Row(seq, sender, place, pieces))

    def edit(self, number: int, pieces: Pieces) -> None:
        if row := self.some(number):
            seq = self.insert(row.sender, row.place, text(pieces), "edit", row.seq)
            row.edits[seq] = pieces
            self.sql("UPDATE messages SET changed = true WHERE seq = %s", row.seq)

    def react(self, number: int, pieces: Pieces) -> None:
        if row := self.some(number):
            self.insert(row.sender, row.place, text(pieces), "reaction", row.seq)
            self.sql("UPDATE messages SET changed = true WHERE seq = %s", row.seq)

    def retract(self, number: int) -> None:
        if row := self.some(number):
            self.insert(row.sender, row.place, b"", "retract", row.seq)
            self.sql(
                "UPDATE messages SET changed = true, body = '' WHERE seq = %s"
                " OR (relates_to_seq = %s AND relation = 'edit')",
                row.seq,
                row.seq,
            )
            row.retracted = True

    def undo_edit(self, number: int) -> None:
        row = self.some(number)
        if row and row.edits:
            seq = max(row.edits)
            self.insert(row.sender, row.place, b"", "retract", seq)
            self.sql("UPDATE messages SET changed = true, body = '' WHERE seq = %s", seq)
            del row.edits[seq]

    def block(self) -> None:
        """Let Alice block Bobby, or end that."""
        blocked = self.hidden["alice"]
        if blocked and blocked[-1][2] is None:
            blocked[-1] = (*blocked[-1][:2], self.newest)
            self.sql("UPDATE blocks SET until_seq = %s WHERE until_seq > %s", self.newest, self.newest)
        elif not blocked or blocked[-1][2] != self.newest:
            blocked.append(("bobby", self.newest, None))
            self.sql("UPDATE users SET has_blocked = true WHERE username = 'alice'")
            self.sql(
                "INSERT INTO blocks (user_id, blocked_id, after_seq) SELECT a.id, b.id, %s FROM users a, users b"
                " WHERE a.username = 'alice' AND b.username = 'bobby' ON CONFLICT DO NOTHING",
                self.newest,
            )

    def join(self) -> None:
        """Let Carol join the group, who reads what comes from now on."""
        if self.carol_joined is None:
            self.carol_joined = self.newest
            self.take_part("carol", GROUP)
            self.sql(
                "INSERT INTO spans (user_id, conversation_id, after_seq) SELECT id, %s, %s FROM users"
                " WHERE username = 'carol'",
                self.ids[GROUP],
                self.newest,
            )

    def some(self, number: int) -> Row | None:
        left = [row for row in self.rows if not row.retracted]
        return left[number % len(left)] if left else None

    def sees(self, reader: str, seq: int, sender: str, place: str) -> bool:
        if place != GROUP:
            taking_part = reader in place.split()
        elif reader == "carol":
            taking_part = self.carol_joined is not None and seq > self.carol_joined
        else:
            taking_part = True
        return taking_part and not any(
            sender == whom and after < seq <= (seq if until is None else until)
            for whom, after, until in self.hidden[reader]
        )

    def expected(self, reader: str, terms: Terms, place: str | None) -> list[int]:
        found = []
        for row in self.rows:
            if row.retracted or place not in (None, row.place) or not self.sees(reader, row.seq, row.sender, row.place):
                continue
            shown = [seq for seq in row.edits if self.sees(reader, seq, row.sender, row.place)]
            words = words_in(row.edits[max(shown)] if shown else row.pieces)
            if all(holds(kind, words_in(pieces), words) for kind, pieces in terms):
                found.append(row.seq)
        return found[::-1] if any(words_in(pieces) for _, pieces in terms) else []

    def found(self, reader: str, terms: Terms, place: str | None, limit: int) -> list[int]:
        """Ask page by page."""
        other = group = None
        if place == GROUP:
            group = GROUP
        elif place is not None:
            names = place.split()
            other = names[1] if names[0] == reader else names[0]
        seqs: list[int] = []
        before = None
        while True:
            asked = Asked(query(terms), other, group, before)
            page = find(self.pool, AccessClaims(reader, reader), asked, limit)
            assert len(page.found) == limit or not page.has_more
            seqs += [message.seq for message, _ in page.found]
            assert all(highlight.count(BEGIN) == highlight.count(END) > 0 for _, highlight in page.found)
            if not page.has_more:
                return seqs
            before = seqs[-1]


def text(pieces: Pieces) -> bytes:
    return (" ".join(pieces) or ".").encode()


def words_in(pieces: Pieces) -> list[str]:
    return [word for piece in pieces for word in PIECES[piece]]


def holds(kind: str, wanted: list[str], words: list[str]) -> bool:
    """Whether words stand somewhere in a row; of a beginning, the last only has to begin so."""
    size = len(wanted)
    for at in range(len(words) - size + 1):
        part = words[at : at + size]
        if part == wanted or (kind == "beginning" and part[:-1] == wanted[:-1] and part[-1].startswith(wanted[-1])):
            return True
    return size == 0


def query(terms: Terms) -> str:
    written = []
    for kind, pieces in terms:
        match kind:
            case "phrase":
                written.append(f'"{" ".join(pieces)}"')
            case "beginning":
                written.append(f"{pieces[0]}*")
            case _:
                written.append(pieces[0])
    return " ".join(written).replace("\0", "")


@pytest.fixture
def pool(database_url: str) -> Iterator[Pool]:
    """Open a pool over an empty database."""
    opened = Pool(database_url, 2)
    yield opened
    opened.close()


@pytest.fixture
def own_db(database_url: str) -> Iterator[connection]:
    """Open the same database; every statement stands alone."""
    with closing(psycopg2.connect(database_url)) as opened:
        opened.autocommit = True
        yield opened


SOME = st.integers(0, 50)
TEXT = st.lists(st.sampled_from(sorted(PIECES)), max_size=5)
STEPS = st.one_of(
    st.tuples(st.just("say"), SOME, st.sampled_from(PLACES), TEXT, st.sampled_from([1, 1, 1, 3, SEGMENT // 3])),
    st.tuples(st.just("edit"), SOME, TEXT),
    st.tuples(st.just("react"), SOME, TEXT),
    st.tuples(st.just("retract"), SOME),
    st.tuples(st.just("undo_edit"), SOME),
    st.tuples(st.just("block")),
    st.tuples(st.just("join")),
    st.tuples(st.just("index")),
)
TERM = st.one_of(
    st.tuples(st.just("word"), st.sampled_from(sorted(PIECES)).map(lambda piece: [piece])),
    st.tuples(
        st.just("beginning"), st.sampled_from(["hello", "help", "É", "e-mail", "世界"]).map(lambda piece: [piece])
    ),
    st.tuples(st.just("phrase"), TEXT),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.lists(STEPS, min_size=1, max_size=30),
    st.lists(st.lists(TERM, min_size=1, max_size=3), min_size=3, max_size=6),
    st.integers(1, 4),
)
def test_search_finds_what_a_plain_model_finds(
    own_db: connection, pool: Pool, steps: Sequence[tuple[Any, ...]], searches: list[Terms], limit: int
) -> None:
    """For each person, whatever was edited, retracted, blocked or joined, indexed or not, on whatever page."""
    world = World(own_db, pool)
    for name, *values in steps:
        if name == "index":
            world.indexer.catch_up()
        else:
            getattr(world, name)(*values)
    for _ in range(2):
        for reader, terms in itertools.product(PEOPLE, searches):
            assert world.found(reader, terms, None, limit) == world.expected(reader, terms, None)
        for place in PLACES:
            for reader in PEOPLE:
                if (reader in place.split()) or (place == GROUP and reader != "carol"):
                    expected = world.expected(reader, searches[0], place)
                    assert world.found(reader, searches[0], place, limit) == expected
        world.indexer.catch_up()


def test_nothing_of_what_was_retracted_stays_in_the_index(own_db: connection, pool: Pool) -> None:
    """Nor of what was dropped."""
    world = World(own_db, pool)
    world.sql("UPDATE search_state SET generation = generation + 1")
    for body in (b"hello secret", b"hello", b"hello other", b"dropped hello"):
        seq = world.insert("alice", "alice bobby", body)
        world.rows.append(Row(seq, "alice", "alice bobby", ["hello"]))
    world.insert("alice", "alice bobby", b"far away", step=SEGMENT)
    world.insert("alice", "alice bobby", b"edited twice", "edit", 3)
    world.indexer.catch_up()
    world.retract(0)
    world.sql("UPDATE messages SET body = '' WHERE relation = 'edit'")
    world.sql("DELETE FROM messages WHERE seq = 4")
    world.indexer.catch_up()
    with own_db.cursor() as cur:
        cur.execute("SELECT word FROM search_words UNION SELECT word FROM search_new_words")
        words = {word for (word,) in cur.fetchall() if not word.startswith(" ")}
    assert words == {"hello", "other", "far", "away"}


def test_a_language_knows_the_forms_of_words(own_db: connection, pool: Pool) -> None:
    world = World(own_db, pool)
    seq = world.insert("alice", "alice bobby", b"She was running the happy ponies")

    def finds(query_: str) -> bool:
        page = find(pool, AccessClaims("alice", "alice"), Asked(query_), 9)
        return [message.seq for message, _ in page.found] == [seq]

    world.indexer.catch_up()
    assert (finds("running"), finds("run"), finds("the")) == (True, False, True)
    english = Indexer(pool, "english", least=1)
    for indexed in (False, True):
        if indexed:
            english.catch_up()
        else:
            world.sql("UPDATE search_state SET language = 'english', indexed_seq = 0, generation = generation + 1")
            world.sql("DELETE FROM search_new_words")
        assert [finds(each) for each in ("runs", "pony", "happ*", "runni*", "the*", '"run the happiness"')] == [
            True
        ] * 6
        assert [finds(each) for each in ("the", "ran", "walk")] == [False] * 3
    Indexer(pool, "klingon", least=1).catch_up()
    assert finds("runs")
    Indexer(pool, "simple", least=1).catch_up()
    assert (finds("running"), finds("run")) == (True, False)


def test_a_phrase_of_frequent_words_that_stand_nowhere_so_is_given_up(own_db: connection, pool: Pool) -> None:
    world = World(own_db, pool)
    for _ in range(3):
        world.insert("alice", "alice bobby", b"of the")
    clock = itertools.count(0.0, 5.0)
    with pytest.raises(UnavailableError, match="too long"):
        find(pool, AccessClaims("alice", "alice"), Asked('"the of"'), 9, clock=lambda: next(clock))


def test_a_retraction_takes_no_more_memory_however_much_was_written(own_db: connection, pool: Pool) -> None:
    """A message with 20 MB of edits, one of which is retracted, in a segment of 100,000 different words."""
    world = World(own_db, pool)
    seq = world.insert("alice", "alice bobby", b"hello")
    world.sql(
        "INSERT INTO messages"
        " (seq, conversation_id, sender_id, relates_to_seq, received_at, message_id, relation, body)"
        " SELECT seq + n, conversation_id, sender_id, seq, now(), gen_random_uuid(), 'edit',"
        " convert_to(repeat('x', 65000) || ' last' || n, 'utf8') FROM messages, generate_series(1, 300) n"
    )
    world.newest = seq + 300
    world.sql("UPDATE messages SET changed = true WHERE seq = %s", seq)
    world.sql("INSERT INTO search_words SELECT 0, 'word' || n, '\\x0500' FROM generate_series(1, 100000) n")
    world.sql("INSERT INTO search_words VALUES (0, 'last299', '\\x0100'), (0, 'last300', '\\x0100')")
    world.sql("UPDATE search_state SET indexed_seq = %s", world.newest)
    world.sql("UPDATE messages SET body = '' WHERE seq = %s", world.newest)
    tracemalloc.start()
    try:
        world.indexer.catch_up()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * 1024 * 1024
    assert world.one("SELECT count(*) FROM search_words WHERE word = 'last300'") == 0
    found = find(pool, AccessClaims("bobby", "bobby"), Asked("last299"), 9).found
    assert [each.seq for each, _ in found] == [seq]


def test_large_messages_are_read_a_few_at_a_time(own_db: connection, pool: Pool) -> None:
    """Of 60 that have all words only the oldest and the newest have the phrase."""
    world = World(own_db, pool)
    for number in range(60):
        end = b"zz ab" if number in {0, 59} else b"zz"
        world.insert("alice", "alice bobby", b"ab cd " * 10_000 + end)
    world.indexer.catch_up()
    alice = AccessClaims("alice", "alice")
    with pool.reading() as cur:
        read = texts(cur, scope(cur, alice, None, None), range(60, 0, -1))
    assert [each.seq for each in read] == list(range(60, 60 - len(read), -1))
    assert TEXTS_BYTES <= sum(len(each.body) for each in read) < TEXTS_BYTES + 65_536
    found = find(pool, alice, Asked('"cd zz ab"'), 100, clock=lambda: 0.0).found
    assert [seq.seq for seq, _ in found] == [60, 1]


def test_who_left_a_group_does_not_go_through_what_was_said_since(own_db: connection, pool: Pool) -> None:
    world = World(own_db, pool)
    old = world.insert("alice", GROUP, b"hello")
    world.sql("UPDATE spans SET until_seq = %s WHERE user_id = (SELECT id FROM users WHERE username = 'alice')", old)
    world.sql(
        "INSERT INTO messages (seq, conversation_id, sender_id, received_at, message_id, body)"
        " SELECT seq + n, conversation_id, sender_id, now(), gen_random_uuid(), body"
        " FROM messages, generate_series(1, 20000) n"
    )
    world.sql("UPDATE conversations SET last_seq = 20001 WHERE group_id = %s", GROUP)
    world.indexer.catch_up()
    looks = itertools.count()
    for asked in (Asked("hello"), Asked("hello", group=GROUP), Asked("hel*")):
        found = find(pool, AccessClaims("alice", "alice"), asked, 9, clock=lambda: next(looks) * 0.1).found
        assert [each.seq for each, _ in found] == [old]
    assert next(looks) < 12, "few looks at the clock, one for each portion that is read"


def test_where_one_never_was_nothing_is_searched(own_db: connection, pool: Pool) -> None:
    World(own_db, pool)
    carol = AccessClaims("carol", "carol")
    for asked in (Asked("x", group=GROUP), Asked("x", group="gnothinghere2"), Asked("x", other="nobody")):
        with pytest.raises(NotFoundError):
            find(pool, carol, asked, 9)
    assert find(pool, carol, Asked("x", other="carol"), 9).found == []


def search(person: Person, **asked: str | int) -> dict[str, Any]:
    answer = person.ask("GET", "/v1/search", params=asked)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


def test_a_message_is_found_as_soon_as_it_is_stored(alice: Person, bob: Person, archive: Archive) -> None:
    for number in range(5):
        seq = archive.store(alice.username, bob.username, f"Nightjars sing, {number}".encode())
        page = search(bob, q=f"nightj* {number}")
        (result,) = page["results"]
        assert page["has_more"] is False
        assert result["message"] == bob.ask("GET", f"/v1/messages/{seq}").json()
        assert result["highlight"] == f"{BEGIN}Nightjars{END} sing, {BEGIN}{number}{END}"


def test_an_edited_message_is_found_by_its_newest_words_and_shown_with_them(
    alice: Person, bob: Person, archive: Archive, db: connection
) -> None:
    seq = archive.store(alice.username, bob.username, b"the first words")
    archive.store(alice.username, bob.username, b"the other words", relation=("edit", seq))
    with db.cursor() as cur:
        cur.execute("UPDATE messages SET changed = true WHERE seq = %s", (seq,))
    assert search(bob, q="first")["results"] == []
    (result,) = search(bob, q='"other words"')["results"]
    assert (result["message"]["seq"], result["message"]["body"]) == (seq, "the other words")
    assert "edited_at" in result["message"]


def test_the_service_indexes_beside_its_requests(alice: Person, archive: Archive, db: connection) -> None:
    seq = archive.store(alice.username, alice.username, b"the first of many")
    with db.cursor() as cur:
        cur.execute(
            """
            INSERT INTO messages (seq, conversation_id, sender_id, received_at, message_id, body)
            SELECT nextval('message_seq'), conversation_id, sender_id, now(), gen_random_uuid(), 'one of many'
            FROM messages, generate_series(1, 1024) WHERE seq = %s
            """,
            (seq,),
        )

        def is_indexed() -> bool:
            cur.execute("SELECT indexed_seq >= %s FROM search_state", (seq,))
            return cur.fetchone() == (True,)

        wait_for(is_indexed, "the message is indexed", timeout=60)
    assert [each["message"]["seq"] for each in search(alice, q="first many")["results"]] == [seq]
    assert search(alice, q="many", limit=1)["has_more"] is True


def test_indexing_leaves_the_machine_to_those_who_store(own_db: connection, pool: Pool) -> None:
    """It waits while thousands come in a second, and goes on after that."""
    world = World(own_db, pool)
    world.insert("alice", "alice bobby", b"hello")
    considerate = Indexer(pool, "simple", least=1)
    assert considerate.step(considerate=True)
    world.insert("alice", "alice bobby", b"hello", step=40_000)
    assert not considerate.step(considerate=True)
    world.insert("alice", "alice bobby", b"hello", step=40_000)
    assert considerate.step(considerate=True)


def test_nobody_else_finds_a_message(
    alice: Person, bob: Person, new_person: Callable[[], Person], archive: Archive
) -> None:
    eve = new_person()
    archive.store(alice.username, bob.username, b"between us")
    assert search(eve, q="between")["results"] == []
    assert search(eve, **{"q": "between", "with": alice.username})["results"] == []
    assert len(search(bob, **{"q": "between", "with": alice.username})["results"]) == 1
    assert search(bob, **{"q": "between", "with": bob.username})["results"] == []


def test_only_what_the_server_can_read_is_searched(alice: Person, archive: Archive) -> None:
    stored = [
        archive.store(alice.username, alice.username, b'{"a": "needle"}', "application/json"),
        archive.store(alice.username, alice.username, b"<i>needle</i>", "text/html"),
    ]
    archive.store(alice.username, alice.username, b"needle", "application/pgp-encrypted")
    archive.store(alice.username, alice.username, b"needle \xff", "text/plain")
    assert [each["message"]["seq"] for each in search(alice, q="needle")["results"]] == stored[::-1]


HOSTILE = [
    "'",
    "a' OR 1=1 --",
    "!!! & | <-> ( ) :* a:b",
    '"',
    '"""" *',
    "* a**",
    "\\ %s %(x)s $1 {}",
    "a\tb\nc",
    "\u202e\u200d\ufeff",
    "\U0010ffff",
    "\u2018a\u2019 “b”",
    "<script>",
    "a" * 256,
    "* " * 128,
]


@pytest.mark.parametrize("q", HOSTILE)
def test_no_query_is_an_error_of_the_servers(alice: Person, archive: Archive, q: str) -> None:
    archive.store(alice.username, alice.username, b"a b c")
    search(alice, q=q)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "q"),
        ({"q": ""}, "q"),
        ({"q": " \n"}, "q"),
        ({"q": "a" * 257}, "q"),
        ({"q": "a\0"}, "q"),
        ({"q": "a", "limit": 201}, "limit"),
        ({"q": "a", "before_seq": "x"}, "before_seq"),
        ({"q": "a", "with": "X"}, "with"),
        ({"q": "a", "group": "bob"}, "group"),
        ({"q": "a", "with": "bob", "group": "globby2222222"}, "group"),
        ({"q": "a", "other": "bob"}, "other"),
    ],
)
def test_what_cannot_be_asked_is_refused(alice: Person, asked: dict[str, str], field: str) -> None:
    assert_problem(alice.ask("GET", "/v1/search", params=asked), 422, field)


def test_who_is_unknown_is_not_found(alice: Person) -> None:
    assert_problem(alice.ask("GET", "/v1/search", params={"q": "a", "with": "nobody-at-all"}), 404)
    assert_problem(alice.ask("GET", "/v1/search", params={"q": "a", "group": "gaaaaaaaaaaaa"}), 404)
