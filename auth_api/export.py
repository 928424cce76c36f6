"""Everything that is stored about a user, as it is sent to them (contract, section 6).

It is read a page at a time, each on a connection to the database that is given back before the page is sent, and sent
in pieces of bounded size. So an export takes the same memory and holds nothing but a thread, however long it is and
however slowly it is read; and threads are left for others.

What changes meanwhile may be in it or not. Each conversation is read from its first message to its last, so no message
is left out or there twice.
"""

import errno
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeVar

import orjson

from auth_api.errors import ApiError, ExportUnderWayError, UnavailableError
from auth_api.message_json import StoredMessage
from auth_api.pool import Cursor, Pool
from auth_api.queries import export, limits, messages, outcomes, sessions
from auth_api.queries.export import Block, DeadLetter, Membership, Participation, Span
from auth_api.queries.outcomes import Version
from auth_api.queries.sessions import Caller, Device
from auth_api.queries.users import User
from auth_api.tokens import AccessClaims

STALLED_SECONDS: Final = 30.0
"""Who has not taken a piece after that is cut off."""
_PIECE_BYTES: Final = 65_536
_PAGE: Final = 100
"""Messages, of up to 64 KiB each."""
_REFUSED_PAGE: Final = 10
"""What was refused may be larger."""
_ENTRIES: Final = 500
"""Whatever is small."""
_HELD_SECONDS: Final = 120
"""Longer than a piece may take; after that a worker that was killed keeps nobody from another export."""
_HOLD_AGAIN_SECONDS: Final = 20.0
_BUSY_SECONDS: Final = 10

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ExportedMessage:
    """A message, and if it was edited what it said before, as far as the user may read that."""

    message: StoredMessage
    versions: Sequence[Version] = ()


@dataclass(frozen=True, slots=True)
class End:
    """All has been said: so many entries, this one not counted."""

    entries: int


Entry = User | Device | Membership | Block | Participation | Span | ExportedMessage | DeadLetter | End
_Page = TypeVar("_Page", Block, Participation, Span, DeadLetter)
_Whose = TypeVar("_Whose", int, str)


class Export:
    """One export: the pieces of its text, to be closed at the end, also if that was never reached.

    It ends with ConnectionResetError when it cannot go on, so that whoever reads it sees that it is not whole.
    """

    def __init__(self, pieces: Iterator[bytes], closed: Callable[[], None]) -> None:
        self._pieces = pieces
        self._closed = closed
        self._is_open = True

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._pieces)
        except ApiError as error:
            _LOG.info("an export ends early: %s", error.detail)
            raise ConnectionResetError(errno.ECONNRESET, "the export cannot go on") from error

    def close(self) -> None:
        """Let the user ask for another one."""
        if self._is_open:
            self._is_open = False
            self._closed()


class Exports:
    """Begins exports, `most` at once in this process and one at a time of a user."""

    def __init__(self, pool: Pool, most: int) -> None:
        self._pool = pool
        self._free = threading.BoundedSemaphore(most)

    def begin(self, caller: Caller, claims: AccessClaims, show: Callable[[Entry], dict[str, object]]) -> Export:
        """Begin an export; `show` makes a line of an entry. Raises ExportUnderWayError or UnavailableError."""
        if not self._free.acquire(blocking=False):
            raise UnavailableError("As many exports as may be are under way.", _BUSY_SECONDS)
        held = _Held(self._pool, caller.user.id)
        try:
            held.hold()
        except BaseException:
            self._free.release()
            raise

        def closed() -> None:
            self._free.release()
            held.let_go()

        return Export(_pieces(_Reader(self._pool, caller, claims, held).entries(), show), closed)


class _Held:
    """What keeps a user from a second export, in all workers: a lease, which ends by itself if ours is killed."""

    def __init__(self, pool: Pool, user_id: int) -> None:
        self._pool = pool
        self._key = f"export/{user_id}"
        self._token = secrets.randbits(31)
        self._until = 0.0

    def hold(self) -> None:
        """Hold it, or go on holding it. Raises ExportUnderWayError."""
        if time.monotonic() < self._until:
            return
        with self._pool.reading() as cur:
            if not limits.hold(cur, self._key, self._token, _HELD_SECONDS):
                raise ExportUnderWayError(_BUSY_SECONDS)
        self._until = time.monotonic() + _HOLD_AGAIN_SECONDS

    def let_go(self) -> None:
        """Let the user ask again."""
        try:
            with self._pool.reading() as cur:
                limits.let_go(cur, self._key, self._token)
        except UnavailableError as error:
            _LOG.warning("an export holds up the next one for a while: %s", error.detail)


class _Reader:
    """Reads what is stored about one user."""

    def __init__(self, pool: Pool, caller: Caller, claims: AccessClaims, held: _Held) -> None:
        self._pool = pool
        self._caller = caller
        self._claims = claims
        self._held = held

    def entries(self) -> Iterator[Entry]:
        """Read everything, in the order in which it is sent. Raises ApiError when that cannot go on."""
        count = 0
        for count, entry in enumerate(self._all(), 1):  # noqa: B007  # said at the end
            yield entry
        yield End(count)

    def _all(self) -> Iterator[Entry]:
        user = self._caller.user
        yield user
        with self._pool.reading() as cur:
            listed = sessions.of_user(cur, user.id), export.memberships(cur, user.id)
        for entries in listed:
            yield from entries
        yield from self._listed(export.blocks, user.id, _ENTRIES)
        yield from self._listed(export.participations, user.id, _ENTRIES)
        yield from self._listed(export.spans, user.id, _ENTRIES)
        for each in self._listed(export.participations, user.id, _ENTRIES):
            yield from self._messages(each)
        yield from self._listed(export.dead_letters, user.username, _REFUSED_PAGE)

    def _listed(
        self, read: Callable[[Cursor, _Whose, _Page | None, int], list[_Page]], whose: _Whose, most: int
    ) -> Iterator[_Page]:
        """Read a list to its end, a page at a time."""
        last: _Page | None = None
        while True:
            self._held.hold()
            with self._pool.reading() as cur:
                found = read(cur, whose, last, most)
            yield from found
            if len(found) < most:
                return
            last = found[-1]

    def _messages(self, participation: Participation) -> Iterator[ExportedMessage]:
        """Read all messages of a conversation. Who was its other user may have been deleted, and renamed, meanwhile."""
        conversation, after = participation.conversation, 0
        while True:
            self._held.hold()
            with self._pool.reading() as cur:
                found = messages.history(cur, self._claims, conversation, before=None, after=after, limit=_PAGE)
                if found is None:
                    renamed = export.conversation(cur, self._caller.user.id, participation.conversation_id)
                    if renamed is None or renamed == conversation:
                        return
                    conversation = renamed
                    continue
                shown = [self._with_versions(cur, each) for each in found]
            yield from shown
            if len(found) < _PAGE:
                return
            after = found[-1].seq

    def _with_versions(self, cur: Cursor, message: StoredMessage) -> ExportedMessage:
        if message.outcome is None or message.outcome.edit is None:
            return ExportedMessage(message)
        return ExportedMessage(message, outcomes.versions(cur, self._caller.user.id, message))


def _pieces(entries: Iterator[Entry], show: Callable[[Entry], dict[str, object]]) -> Iterator[bytes]:
    """Write entries as lines, many small ones in one piece."""
    lines, size = [], 0
    for entry in entries:
        line = orjson.dumps(show(entry), option=orjson.OPT_APPEND_NEWLINE)
        lines.append(line)
        size += len(line)
        if size >= _PIECE_BYTES:
            yield b"".join(lines)
            lines, size = [], 0
    yield b"".join(lines)
