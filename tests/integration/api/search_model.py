"""An archive to be searched, and a plain model of what each finds in it."""

from dataclasses import dataclass, field

from psycopg2.extensions import connection

from auth_api.pool import Pool
from auth_api.search.finding import Asked, find
from auth_api.search.indexing import Indexer
from auth_api.search.snippets import BEGIN, END
from auth_api.tokens import AccessClaims

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
