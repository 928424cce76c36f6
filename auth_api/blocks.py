"""Blocks: whose messages a user is not shown (contract, sections 4 and 6).

A blocked sender's messages are taken and receipted like any other. They are hidden from the blocker for good, also when
the block ends: it is an interval of numbers, which begins and ends under the archive lock.
"""

from auth_api.errors import FieldError, InvalidInputError, NotFoundError
from auth_api.pool import Cursor, Pool
from auth_api.queries import archive, blocks, users
from auth_api.queries.sessions import Caller
from auth_api.tokens import session_ended


def blocked(pool: Pool, caller: Caller) -> list[str]:
    """Name whom the caller blocks."""
    with pool.reading() as cur:
        return blocks.blocked(cur, caller.user.id)


def block(pool: Pool, caller: Caller, username: str) -> None:
    """Block a user; once is as good as twice. Raises NotFoundError, or InvalidInputError for oneself."""
    with pool.reading() as cur:
        # Who repeats themselves keeps nobody waiting.
        if blocks.holds(cur, caller.user.id, _other(cur, caller, username)):
            return
    with pool.transaction() as cur:
        archive.lock(cur)
        if not blocks.begin(cur, caller.user.id, _other(cur, caller, username), archive.newest_seq(cur)):
            raise session_ended()


def unblock(pool: Pool, caller: Caller, username: str) -> None:
    """End a block, if there is one. Raises NotFoundError, or InvalidInputError for oneself."""
    with pool.reading() as cur:
        if not blocks.holds(cur, caller.user.id, _other(cur, caller, username)):
            return
    with pool.transaction() as cur:
        archive.lock(cur)
        blocks.end(cur, caller.user.id, _other(cur, caller, username), archive.newest_seq(cur))


def _other(cur: Cursor, caller: Caller, username: str) -> int:
    """Find the id of another user than the caller."""
    if username == caller.user.username:
        raise InvalidInputError(FieldError("username", "is your own"))
    other = users.find(cur, username)
    if other is None:
        raise NotFoundError("There is no such user.")
    return other.id
