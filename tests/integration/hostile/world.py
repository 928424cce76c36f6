"""The archive and the REST service's code over one database, without a broker, and people of each example's own."""

import itertools
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import jsonschema_rs
import psycopg2
from aiomqtt import PublishPacket

from archiver.delivery import Delivery, Origin
from archiver.letters import read_delivery
from archiver.plan import Archived, Outcome
from archiver.storage import Storage
from auth_api.app import create_app
from auth_api.clock import now_ms
from auth_api.keys import init_keys, load_signing_key
from auth_api.pool import Pool
from auth_api.queries import archive, members
from auth_api.search.indexing import Indexer
from auth_api.services import EXTENSION, Services
from auth_api.settings import Settings
from auth_api.tokens import TokenMaker
from mqtt_client.transport import Answer
from tests.integration.hostile.publications import PEOPLE, TEAM, delivery, received_at
from wire.receipts import SEQ_MAX

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"
_ORIGIN: Final = Origin("archiver.1", 1, resumed=False)


@dataclass
class Example:
    """The people of one example, their group, and what became of what was published."""

    names: dict[str, str]
    stored: dict[int, tuple[Archived, Delivery]] = field(default_factory=dict)
    """The first delivery of each message, by its number."""
    refused: int = 0

    @property
    def people(self) -> list[str]:
        """The usernames."""
        return [self.names[each] for each in PEOPLE]

    @property
    def group(self) -> str:
        """The group's id."""
        return self.names[TEAM]

    def conversation(self, seq: int, who: str) -> tuple[str, str] | None:
        """Name the conversation of a stored message as somebody sees it; None for those that it is not for."""
        sender, to = self.stored[seq][0].sender, self.stored[seq][0].to
        if to.kind == "group":
            return "group", to.name
        if who not in (sender, to.name):
            return None
        return "direct", to.name if who == sender else sender

    def readable(self, who: str, conversation: tuple[str, str] | None = None) -> list[int]:
        """List the numbers of what somebody may read, of one conversation or of all."""
        places = [(seq, self.conversation(seq, who)) for seq in sorted(self.stored)]
        return [seq for seq, place in places if place is not None and conversation in (None, place)]


class World:
    """Makes people, stores for them, and asks as they do."""

    def __init__(self, settings: Settings) -> None:
        """Make the application; `close` ends it."""
        init_keys(settings.keys_dir, settings.public_keys_dir)
        app = create_app(settings)
        app.testing = True  # what a view raises comes here
        self._services: Services = app.extensions[EXTENSION]
        self._http = app.test_client()
        self._url = settings.database_url
        self._tokens = TokenMaker(load_signing_key(settings.keys_dir), now_ms, 86_400, 3600)
        self._storage = Storage(settings.database_url)
        self._numbers = itertools.count(1)
        self.language = "simple"
        """In which messages are searched."""
        self._devices: dict[str, str] = {}
        spec = self._http.get("/openapi.json").get_json()
        self._validators = {
            name: jsonschema_rs.validator_for(
                {"$ref": f"#/components/schemas/{name}", "components": spec["components"]}, validate_formats=True
            )
            for name in spec["components"]["schemas"]
        }

    def close(self) -> None:
        """End the connections to the database."""
        self._services.pool.close()
        self._storage.end()

    @property
    def pool(self) -> Pool:
        """The service's connections to the database."""
        return self._services.pool

    def people(self) -> Example:
        """Register people, and let them be in a group."""
        number = next(self._numbers)
        names = {name: f"{name}-{number}" for name in PEOPLE} | {TEAM: f"g{_made_id(number, 12)}"}
        with closing(psycopg2.connect(self._url)) as db, db, db.cursor() as cur:
            ids = []
            for place, name in enumerate(PEOPLE):
                cur.execute("INSERT INTO users (username) VALUES (%s) RETURNING id", (names[name],))
                ids += [each for (each,) in cur.fetchall()]
                self._devices[names[name]] = device = _made_id(len(PEOPLE) * number + place, 10)
                cur.execute("INSERT INTO devices (id, user_id) VALUES (%s, %s)", (device, ids[-1]))
            cur.execute("INSERT INTO groups VALUES (%s, 'team', 'private', 'all')", (names[TEAM],))
            cur.execute("INSERT INTO conversations (group_id) VALUES (%s)", (names[TEAM],))
        with self.pool.transaction() as opened:
            archive.lock(opened)
            members.add(opened, names[TEAM], ids, "owner", archive.newest_seq(opened))
        return Example(names)

    def store(
        self, example: Example, packets: Iterable[tuple[PublishPacket, bool]], sizes: Iterable[int]
    ) -> list[Outcome]:
        """Put packets through the archiver's code, in batches of these sizes, the last one for all that are left."""
        deliveries = [
            delivery(number, packet, received_at(number, is_late=is_late))
            for number, (packet, is_late) in enumerate(packets, 1)
        ]
        outcomes: list[Outcome] = []
        for size in [*sizes, len(deliveries)]:
            some, deliveries = deliveries[:size], deliveries[size:]
            if some:
                told = self._storage.store(_ORIGIN, [read_delivery(each, uuid4) for each in some])
                assert len(told) == len(some)
                outcomes += told
                for outcome, each in zip(told, some, strict=True):
                    if isinstance(outcome, Archived):
                        example.stored.setdefault(outcome.seq, (outcome, each))
                    else:
                        example.refused += 1
        return outcomes

    def index(self, language: str) -> None:
        """Index all messages for search."""
        Indexer(self.pool, language, least=1).catch_up()
        self.language = language

    def ask(self, who: str, path: str, schema: str, **query: str | int) -> Any:
        """Ask for something, and check that the answer is as `/openapi.json` says."""
        return self.found(self.answer(who, path, query), schema)

    def found(self, answer: Answer, schema: str) -> Any:
        """Check that an answer is as `/openapi.json` says; return what it says."""
        found = strict_json(answer.content)
        self._validators[schema].validate(found)
        return found

    def answer(self, who: str, path: str, query: Mapping[str, str | int] | None = None, *, status: int = 200) -> Answer:
        """Ask for something; return the answer as our client gets it."""
        token = self._tokens.access(who, self._devices[who])
        got = self._http.get(path, query_string=dict(query or {}), headers={"Authorization": f"Bearer {token}"})
        content = got.get_data()
        got.close()
        assert got.status_code == status, (path, query, got.status_code, content[:500])
        return Answer(got.status_code, content, 0.0)


def _made_id(number: int, length: int) -> str:
    return "".join(_LETTERS[number >> 5 * place & 31] for place in range(length))


def pages(ask: Callable[..., Any], bound: str, limit: int) -> list[dict[str, Any]]:
    """Read all pages in one direction; each has `limit` messages but for the last. Ascending."""
    found: list[dict[str, Any]] = []
    at = 0 if bound == "after_seq" else SEQ_MAX
    while True:
        page = ask(**{bound: at, "limit": limit})
        assert len(page["messages"]) <= limit
        seqs = [each["seq"] for each in page["messages"]]
        assert seqs == sorted(seqs)
        found = [*found, *page["messages"]] if bound == "after_seq" else [*page["messages"], *found]
        if not page["has_more"]:
            return found
        assert len(seqs) == limit
        at = page.get("next_after_seq", seqs[-1]) if bound == "after_seq" else seqs[0]


def strict_json(content: bytes) -> Any:
    """Read JSON as the strictest reader would: UTF-8, each name once, nothing but numbers for numbers."""

    def refuse(text: str) -> None:
        raise ValueError(text)

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        assert len(made) == len(pairs)
        return made

    return json.loads(content.decode(), parse_constant=refuse, object_pairs_hook=unique)
