"""Accounts: registering, the profile, the password, deletion (contract, section 6)."""

import secrets

from auth_api.erasure import Eraser
from auth_api.errors import NotFoundError, UsernameTakenError, WrongPasswordError
from auth_api.events import Announcer
from auth_api.limits import Limits
from auth_api.passwords import PasswordHasher, PasswordPolicy
from auth_api.pool import Cursor, Pool
from auth_api.queries import archive, clock, departures, erasures, events, revocations, sessions, users
from auth_api.queries.revocations import StoredRevocation
from auth_api.queries.sessions import Caller
from auth_api.queries.users import User
from auth_api.revocations import Revoker, account_revocation
from auth_api.sessions import Sessions
from auth_api.tokens import session_ended
from wire.events import encode_event
from wire.names import new_tombstone


class Accounts:
    """What can be done with accounts.

    `retirement_seconds` is for how long the name of a deleted one is not given again.
    """

    def __init__(
        self,
        *,
        pool: Pool,
        hasher: PasswordHasher,
        policy: PasswordPolicy,
        limits: Limits,
        live: Sessions,
        revoker: Revoker,
        announcer: Announcer,
        eraser: Eraser,
        retirement_seconds: int,
    ) -> None:
        self._pool = pool
        self._hasher = hasher
        self._policy = policy
        self._limits = limits
        self._live = live
        self._revoker = revoker
        self._announcer = announcer
        self._eraser = eraser
        self._retirement_seconds = retirement_seconds

    def register(self, username: str, password: str, display_name: str | None, address: str) -> User:
        """Make an account. Raises InvalidInputError, TooManyAttemptsError or UsernameTakenError."""
        self._policy.check(password, "password")
        self._limits.hit(self._limits.registration(address))
        with self._pool.reading() as cur:
            if users.is_taken(cur, username):
                raise UsernameTakenError
        password_hash = self._hasher.hash(password)
        with self._pool.transaction() as cur:
            user = users.add(cur, username, display_name, password_hash)
            if user is None or users.is_retired(cur, username):
                raise UsernameTakenError
        return user

    def profile(self, username: str) -> User:
        """Find a user. Raises NotFoundError."""
        with self._pool.reading() as cur:
            user = users.find(cur, username)
        if user is None:
            raise NotFoundError("There is no such user.")
        return user

    def rename(self, caller: Caller, display_name: str | None) -> User:
        """Change the caller's display name. Raises UnauthenticatedError when the account is gone by now."""
        with self._pool.reading() as cur:
            user = users.rename(cur, caller.user.id, display_name)
        if user is None:
            raise session_ended()
        return user

    def change_password(self, caller: Caller, current: str, new: str) -> bool:
        """Change the password and end every other session; whether the broker has confirmed that.

        Raises InvalidInputError, WrongPasswordError or TooManyAttemptsError.
        """
        self._policy.check(new, "new_password")
        verified = self._verified(caller, current, "current_password")
        fresh = self._hasher.hash(new)
        with self._pool.transaction() as cur:
            if not users.replace_hash(cur, caller.user.id, verified, fresh):
                raise WrongPasswordError("current_password")
            ended = self._live.revoke_in(cur, caller, sessions.end_all(cur, caller.user.id, but=[caller.device_id]))
        confirmed = self._revoker.tell(ended)
        self._announcer.wake()
        return confirmed

    def delete(self, caller: Caller, password: str) -> bool:
        """Delete the account and end all its sessions; whether the broker has confirmed that.

        What others could read stays, under a tombstone's name. What takes longer than a moment is left to the eraser.
        Raises WrongPasswordError or TooManyAttemptsError.
        """
        verified = self._verified(caller, password, "password")
        with self._pool.transaction() as cur:
            archive.lock(cur)
            ended = self._delete_in(cur, caller, verified)
        confirmed = self._revoker.tell(ended)
        self._announcer.wake()
        self._eraser.wake()
        return confirmed

    def _delete_in(self, cur: Cursor, caller: Caller, verified: str) -> list[StoredRevocation]:
        user_id, username = caller.user.id, caller.user.username
        if not users.delete(cur, user_id, verified, new_tombstone(secrets.choice)):
            raise WrongPasswordError("password")
        users.retire(cur, username, self._retirement_seconds)
        sessions.end_all(cur, user_id)
        for group_id, heir in departures.pass_on(cur, user_id):
            events.add(cur, [heir], encode_event("group_changed", group=group_id))
        departures.leave_all(cur, user_id)
        ended = revocations.add(cur, [account_revocation(username, clock.now_ms(cur))])
        erasures.add(cur, user_id, username, ended[0].id)
        return ended

    def _verified(self, caller: Caller, password: str, field: str) -> str:
        """Return the hash that the password was found right against; limited against guessing."""
        buckets = self._limits.confirmation(caller.device_id)
        self._limits.check(buckets)
        with self._pool.reading() as cur:
            account = users.find_account(cur, caller.user.username)
        if account is None:
            raise session_ended()
        if not self._hasher.verify(account.password_hash, password):
            self._limits.hit(buckets)
            raise WrongPasswordError(field)
        self._limits.check(buckets)
        return account.password_hash
