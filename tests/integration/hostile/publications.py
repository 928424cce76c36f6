"""Whatever somebody can publish as a message, as hostile as the broker would let it pass, or more."""

from dataclasses import dataclass, fields, replace
from typing import Any, Final, TypeVar
from uuid import UUID, uuid5

from aiomqtt import PublishPacket, QoS
from hypothesis import strategies as st
from mqtt5 import read

from archiver.delivery import Delivery
from wire.message import BODY_MAX, TEXT, parse_uuid

START_US: Final = 1_770_000_000_000_000
_STEP_US: Final = 1_000
_DAYS_US: Final = 3 * 86_400_000_000
_NAMESPACE: Final = UUID("6ba7b810-9dad-41d1-80b4-00c04fd430c8")
PEOPLE: Final = ("ann", "bob", "cyd")
"""What the users are called in a publication; `World` gives each a name of its own."""
TEAM: Final = "team"
"""And the group that they are in."""
NO_GROUPS: Final = ("gaaaaaaaaaaaa", "nogroup", "g\0", "g" * 200)
NOBODY: Final = ("nobody-at-all", "B", "\u202e", "n" * 200, "archiver", " ", "ann.device")

_UNITS: Final = (
    "a", "Z9", "ab ", " ", "\t", "\n", "\r\n", "\r", "\0", "\x1b[2J\x1b]0;x\x07", "\x7f\x9b", "_", "*", "**", "`",
    "```",
    "-", ".", '"', "\\", "%", "'", "<b>&amp;", "é", "e\u0301", "\u0301", "\u0301\u0323", "\u0345\u0301\u0323\u0334",
    "a\u20dd", "\u0e01\u0e49", "ก", "漢", "ｱﾞ", "ﷺ", "ﬃ", "½", "①", "ß", "İ", "ǆ", "Σ", "\u017f", "\u1112\u1161\u11ab",
    "각", "नि",
    "\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u202e", "\u2066", "\u061c", "\u2028", "\u2029", "\u0085",
    "\ue000", "\ue001", "\ufffe", "\uffff", "\ufdd0", "\U0010ffff", "\U000e0041", "\ufffd", "👍", "👍🏽",
    "👩\u200d👩\u200d👧",
    "🇩🇪", "🇩", "❤\ufe0f", "\ufe0f", "1\ufe0f\u20e3", "http://x", "https://[", "ftp://)))", "x://", "[red]", "[/]",
    "${", "{{",
    '{"a":', "[", "\u0600", "\u0627", "ש", "\U0001d49c", "𐍈", "\u115f", "\u3164", "\u1160", "ﾠ",
)  # fmt: skip
_BROKEN: Final = (
    b"\xff", b"\xc0\xaf", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xed\xa0\xbd\xed\xb1\x8d", b"\xf4\x90\x80\x80", b"\xf5",
    b"\xe2\x82", b"\x80", b"caf\xe9", b"\xff\xfeh\0i\0", b"\xfe\xff\0h", b"\xef\xbb\xbf",
)  # fmt: skip
_COUNTS: Final = (1, 2, 64, 65, 160, 400, 4000, BODY_MAX, BODY_MAX, BODY_MAX)
_Drawn = TypeVar("_Drawn")


def _mostly(usual: st.SearchStrategy[_Drawn], odd: st.SearchStrategy[_Drawn]) -> st.SearchStrategy[_Drawn]:
    """Draw what the archiver takes, and now and then what it may refuse: else hardly a message had nothing wrong."""
    return st.integers(0, 9).flatmap(lambda drawn: odd if drawn == 7 else usual)


_texts = st.lists(
    st.sampled_from(_UNITS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=10), max_size=12
).map("".join)
words = st.sampled_from(["night", "jar", "nightjar", "the", "NIGHT", "\uff4e\uff49\uff47\uff48\uff54"])


def _filled(unit: bytes, count: int, ending: bytes) -> bytes:
    """Repeat a unit, as far as a body may be long, maybe within a character."""
    return ((unit * count)[: BODY_MAX - len(ending)]) + ending


_runs = st.builds(
    _filled,
    st.sampled_from(_UNITS).map(str.encode) | st.sampled_from(_BROKEN),
    st.sampled_from(_COUNTS),
    st.sampled_from([b"", b"", b" night jar", b"x", b"\xff"]),
)
_long_words = st.builds(
    _filled,
    st.sampled_from(["a", "Z9", "é", "e\u0301", "a\u0301\u0323", "\ufdfa", "漢", "a\u200d"]).map(str.encode),
    st.sampled_from([160, 4000, BODY_MAX]),
    st.sampled_from([b"", b" night jar", b"\xe2\x80"]),
)
bodies = _mostly(
    st.one_of(
        _long_words,
        st.binary(min_size=1, max_size=200),
        _texts.map(str.encode).filter(bool),
        st.tuples(_texts, words, _texts).map(" ".join).map(str.encode),
        _runs,
        st.builds(bytes.__add__, st.sampled_from(_BROKEN), _texts.map(str.encode)),
        st.sampled_from([b"\0", b"[" * 40_000, b'{"a":1}', b"null", b"NaN"]),
    ),
    st.sampled_from([b"", b"x" * (BODY_MAX + 1)]),
)
reactions = _mostly(
    st.sampled_from([*map(str.encode, _UNITS), "👍".encode() * 16, b"x" * 64, "\u0301".encode() * 32]),
    st.sampled_from([b"", b"\xff", b"\xed\xa0\x80", b"x" * 65]) | bodies,
)
content_types = _mostly(
    st.none()
    | st.just(TEXT)
    | st.sampled_from([
        "TEXT/PLAIN; CHARSET=UTF-8", "text/plain;charset=utf-8", "text/plain", "text/plain; charset=utf-16",
        "text/html",
        "text/plain ; charset=utf-8", "text/plain; charset=utf-8 ", "text/;", "text/*", "Text/Markdown;", "text/[red]",
        "application/json", "application/JSON;x", "application/ld+json", "a/+json", "a/b+json/c",
        "application/x-ndjson",
        "application/octet-stream", "Application/Octet-Stream", "image/png", "image/svg+xml",
        'multipart/mixed; a="b;c"',
        "x/" + "y" * 253, "x/y;" + "\t" * 251,
    ]),
    st.sampled_from([
        "text", "/", "text/", "/plain", "", " ", " text/plain", "text/plain\n", "text/plain; \x1b[2J", "text/plain\0",
        "tëxt/plain", "text/\u202enialp", "x/" + "y" * 254, "x/y;" + " " * 252,
    ])
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)  # fmt: skip
_pool = st.integers(0, 60).map(lambda number: str(uuid5(_NAMESPACE, str(number))))
ids = _mostly(
    st.uuids().map(str) | _pool | _pool.map(str.upper) | st.uuids().map(lambda made: str(made).capitalize()),
    st.sampled_from([
        "", "\0", "\uffff", "x" * 3000, "\u202e" * 130, "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff", "{00000000-0000-0000-0000-000000000001}",
        "urn:uuid:00000000-0000-0000-0000-000000000001", "00000000000000000000000000000001",
        "\u06600000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000001\n",
    ]),
)  # fmt: skip
sent_ats = st.one_of(
    st.datetimes().map(lambda moment: f"{moment.isoformat(timespec='milliseconds')}Z"),
    st.sampled_from([
        "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "0001-01-01T00:00:00-23:59", "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59-23:59",
        "2026-06-30T23:59:60Z", "2026-01-31T24:00:00Z", "2026-01-31T12:00:00+14:00", "2026-01-31T12:00:00+99:99",
        "2026-01-31T12:00:00.1Z", "2026-01-31T12:00:00.123456789Z", "2026-01-31T12:00:00." + "9" * 200 + "Z",
        "2026-02-30T12:00:00Z", "2026-01-31t12:00:00z", "2026-01-31 12:00:00Z", "2026-01-31T12:00:00", "now", "", "\0",
        "٢\u0660٢٦-01-31T12:00:00Z", "-2026-01-31T12:00:00Z", "2026-W05-6T12:00:00Z", "1582-10-10T00:00:00Z",
        "2026-01-31T12:00:00-00:00", "2026-01-31T12:00:00+00:00", "0001-01-01T00:00:00.001Z",
    ]),
)  # fmt: skip
_property_texts = st.one_of(
    st.sampled_from(["", "\0", "\uffff\ufffe", "\ufdd0", "x" * 400, "👍" * 100, "\x1b[2J", "\u202e", "topic", "seq"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
_unknown = _mostly(
    st.lists(st.tuples(_property_texts, _property_texts), max_size=3) | st.just([("x", "y" * 3900)]),
    st.sampled_from([[("x", "y" * 4095)], [("x", "y" * 4096)], [("", "")] * 500, [("é" * 1000, "é" * 1100)]]),
)
_odd_properties = st.lists(
    st.tuples(st.just("sent-at"), sent_ats)
    | st.tuples(st.just("id"), ids)
    | st.tuples(st.just("relation"), st.sampled_from(["reply", "", "\0", "like", "Reply", "edit"]))
    | st.tuples(st.just("relates-to"), ids),
    max_size=3,
)
_properties = _mostly(
    st.just([]) | st.tuples(st.just("sent-at"), sent_ats).map(lambda pair: [pair]) | _unknown, _odd_properties
).map(tuple)


@dataclass(frozen=True, slots=True, repr=False)
class Publication:
    """A message before names are known. `pick` says which of the ones before it relates to, counted from the end.

    One that is `apt` is of the same sender, or in the same conversation, as what it relates to.
    """

    sender: str
    to: str
    body: bytes
    content_type: str | None
    properties: tuple[tuple[str, str], ...]
    relation: str | None = None
    pick: int = 0
    apt: str = ""
    id: str | None = None
    is_late: bool = False

    def __repr__(self) -> str:
        """Show what is said, and the beginning of what is long: an example may have a megabyte."""
        shown = {each.name: repr(value) for each in fields(self) if (value := getattr(self, each.name)) != each.default}
        kept = (f"{name}={text if len(text) <= 60 else f'{text[:50]}… of {len(text)}'}" for name, text in shown.items())
        return f"Publication({', '.join(kept)})"

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        """Let hypothesis show it so, too."""
        printer.text(repr(self))

    @property
    def named(self) -> list[tuple[str, str]]:
        """All its user properties."""
        own = [("id", self.id)] if self.id is not None else []
        return [*own, *self.properties]


def _with_relation(made: Publication, body: bytes) -> Publication:
    return replace(made, body=b"" if made.relation == "retract" else body if made.relation == "reaction" else made.body)


_plain = st.builds(
    Publication,
    sender=st.sampled_from(PEOPLE),
    to=st.sampled_from([*PEOPLE, TEAM, TEAM]),
    body=bodies,
    content_type=content_types,
    properties=_properties,
    id=_mostly(ids, st.none()),
)
_related = st.builds(
    lambda made, relation, pick, apt, reaction, is_late: _with_relation(
        replace(made, relation=relation, pick=pick, apt=apt, is_late=is_late, properties=made.properties[:1]), reaction
    ),
    _plain,
    st.sampled_from(["reply", "edit", "edit", "retract", "reaction", "reaction", "thread"]),
    st.integers(0, 12),
    _mostly(st.just("author"), st.sampled_from(["", "place"])),
    reactions,
    _mostly(st.just(value=False), st.just(value=True)),
)
_elsewhere = st.builds(
    lambda made, sender, to: replace(made, sender=sender, to=to),
    _plain,
    st.sampled_from([*PEOPLE, "nobody-at-all", "B", "archiver"]),
    st.sampled_from([*PEOPLE, *NO_GROUPS, *NOBODY]),
)
publications = st.lists(_mostly(_plain | _related, _elsewhere), min_size=8, max_size=40)


def packets(said: list[Publication], names: dict[str, str]) -> list[tuple[PublishPacket, bool]]:
    """Write publications as they come from the broker, each with whether it comes late; `names` are those in topics."""
    before: list[Publication] = []
    written = []
    for one in said:
        resolved = _resolved(one, before)
        before.append(resolved)
        sender, to = names.get(resolved.sender, resolved.sender), names.get(resolved.to, resolved.to)
        is_group = resolved.to == TEAM or resolved.to in NO_GROUPS
        topic = f"groups/{to}/messages/{sender}" if is_group else f"users/{to}/inbox/{sender}"
        packet = PublishPacket(
            topic, resolved.body, qos=QoS.AT_LEAST_ONCE, packet_id=1, content_type=resolved.content_type,
            user_properties=resolved.named,
        )  # fmt: skip
        received, _ = read(memoryview(packet.write()))
        assert isinstance(received, PublishPacket)
        written.append((received, one.is_late))
    return written


def _resolved(one: Publication, before: list[Publication]) -> Publication:
    """Let a publication name the id of the one that it relates to."""
    if one.relation is None:
        return one
    targets = [each for each in before if each.id and parse_uuid(each.id)]
    target = targets[-1 - one.pick % len(targets)] if targets else None
    relates = (("relation", one.relation), ("relates-to", (target and target.id) or str(_NAMESPACE)))
    if target and one.apt:
        one = replace(one, sender=target.sender if one.apt == "author" else one.sender, to=target.to)
    return replace(one, properties=(*one.properties, *relates))


def delivery(number: int, packet: PublishPacket, received_at: int) -> Delivery:
    """Make what the archiver's connection makes of a packet."""
    return Delivery(
        number, number % 65_535 + 1, False, packet.topic, packet.payload, packet.content_type, packet.user_properties,
        received_at,
    )  # fmt: skip


def received_at(number: int, *, is_late: bool) -> int:
    """Say when a message comes; one that is late, after messages may be edited."""
    return START_US + number * _STEP_US + (_DAYS_US if is_late else 0)
