"""Sessions: logging in, refreshing, ending (contract, sections 5 and 6)."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from auth_api.errors import NotFoundError, UnauthenticatedError
from auth_api.events import Announcer
from auth_api.limits import Limits
from auth_api.passwords import PasswordHasher
from auth_api.pool import Cursor, Pool
from auth_api.queries import clock, events, revocations, sessions, users
from auth_api.queries.revocations import StoredRevocation
from auth_api.queries.sessions import Caller
from auth_api.queries.users import Account
from auth_api.revocations import Revoker, session_revocations
from auth_api.tokens import (
    MqttToken,
    TokenMaker,
    new_refresh_token,
    next_refresh_token,
    refresh_digest,
    session_ended,
)
from wire.events import encode_event
from wire.names import new_device_id

REUSE_SECONDS: Final = 10
"""How long a spent refresh token still gives its successor, for answers that were lost on the way."""
_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class SessionTokens:
    """What a login or a refresh gives."""

    caller: Caller
    access_token: str
    expires_in: int
    refresh_token: str
    mqtt: MqttToken


class Sessions:
    """What can be done with sessions."""

    def __init__(
        self,
        *,
        pool: Pool,
        hasher: PasswordHasher,
        limits: Limits,
        tokens: TokenMaker,
        revoker: Revoker,
        announcer: Announcer,
        refresh_key: bytes,
        refresh_seconds: int,
    ) -> None:
        self._pool = pool
        self._hasher = hasher
        self._limits = limits
        self._tokens = tokens
        self._revoker = revoker
        self._announcer = announcer
        self._refresh_key = refresh_key
        self._refresh_seconds = refresh_seconds

    def log_in(self, username: str, password: str, device_name: str | None, address: str) -> SessionTokens:
        """Start a session. Raises UnauthenticatedError or TooManyAttemptsError."""
        buckets = self._limits.login(username, address)
        self._limits.check(buckets)
        for _ in range(_ATTEMPTS):
            with self._pool.reading() as cur:
                account = users.find_account(cur, username)
            if not self._hasher.verify(account.password_hash if account else None, password) or account is None:
                break
            self._limits.check(buckets)
            started = self._start(self._with_current_hash(account, password), device_name)
            if started is not None:
                return started
        self._limits.hit(buckets)
        raise UnauthenticatedError("The user name or the password is wrong.")

    def refresh(self, token: str) -> SessionTokens:
        """Exchange a refresh token. Raises UnauthenticatedError; one that was spent ends the session."""
        digest = refresh_digest(token)
        with self._pool.transaction() as cur:
            caller = sessions.lock_by_refresh_token(cur, digest)
            state = sessions.refresh_state(cur, digest) if caller else None
            if caller is None or state is None or state.expired:
                raise _refresh_refused()
            successor = next_refresh_token(self._refresh_key, token)
            reused = state.spent_seconds is not None and state.spent_seconds > REUSE_SECONDS
            ended = self._end_in(cur, caller, caller.device_id) if reused else []
            if state.spent_seconds is None:
                sessions.spend_refresh_token(cur, digest)
                sessions.add_refresh_token(cur, refresh_digest(successor), caller.device_id, self._refresh_seconds)
        if reused:
            self._tell(ended)
            raise _refresh_refused()
        return self._session_tokens(caller, successor, self.mqtt_token(caller))

    def mqtt_token(self, caller: Caller) -> MqttToken:
        """Give a session a fresh MQTT token. Raises UnauthenticatedError when it has ended."""
        with self._pool.transaction() as cur:
            return self._mqtt_token(cur, caller)

    def listed(self, caller: Caller) -> list[sessions.Device]:
        """List the caller's sessions."""
        with self._pool.reading() as cur:
            return sessions.of_user(cur, caller.user.id)

    def end(self, caller: Caller, device: str) -> bool:
        """End one session; whether the broker has confirmed it. Raises NotFoundError."""
        device_id = caller.device_id if device == "current" else device
        with self._pool.transaction() as cur:
            ended = self._end_in(cur, caller, device_id)
        return self._tell(ended)

    def end_all(self, caller: Caller) -> bool:
        """End every session of the caller; whether the broker has confirmed it."""
        with self._pool.transaction() as cur:
            ended = self.revoke_in(cur, caller, sessions.end_all(cur, caller.user.id))
        return self._tell(ended)

    def revoke_in(self, cur: Cursor, caller: Caller, devices: Sequence[str]) -> list[StoredRevocation]:
        """Store the revocations of devices that end in the same transaction, and events for those that do not."""
        told = [encode_event("session_removed", device=device) for device in devices]
        events.add_for_devices(cur, caller.user.id, told)
        revoked = session_revocations(caller.user.username, devices, clock.now_ms(cur))
        return revocations.add(cur, revoked)

    def _end_in(self, cur: Cursor, caller: Caller, device_id: str) -> list[StoredRevocation]:
        if not sessions.end(cur, caller.user.id, device_id):
            raise NotFoundError("You have no such session.")
        return self.revoke_in(cur, caller, [device_id])

    def _with_current_hash(self, account: Account, password: str) -> Account:
        if not self._hasher.is_outdated(account.password_hash):
            return account
        fresh = self._hasher.hash(password)
        with self._pool.transaction() as cur:
            replaced = users.replace_hash(cur, account.user.id, account.password_hash, fresh)
        return Account(account.user, fresh) if replaced else account

    def _start(self, account: Account, device_name: str | None) -> SessionTokens | None:
        """Start a session, unless the password has been changed since it was verified."""
        device_id = new_device_id(secrets.choice)
        refresh_token = new_refresh_token()
        with self._pool.transaction() as cur:
            if not sessions.start(cur, account.user.id, account.password_hash, device_id, device_name):
                return None
            sessions.add_refresh_token(cur, refresh_digest(refresh_token), device_id, self._refresh_seconds)
            caller = Caller(account.user, device_id, device_name, True)
            told = [encode_event("session_added", device=device_id)]
            events.add_for_devices(cur, account.user.id, told, but=device_id)
            mqtt = self._mqtt_token(cur, caller)
        self._announcer.wake()
        return self._session_tokens(caller, refresh_token, mqtt)

    def _tell(self, ended: Sequence[StoredRevocation]) -> bool:
        confirmed = self._revoker.tell(ended)
        self._announcer.wake()
        return confirmed

    def _mqtt_token(self, cur: Cursor, caller: Caller) -> MqttToken:
        grounds = sessions.grounds(cur, caller.user.id, caller.device_id)
        if grounds is None:
            raise session_ended()
        return self._tokens.mqtt(caller.user.username, caller.device_id, grounds.issued_ms, grounds.groups)

    def _session_tokens(self, caller: Caller, refresh_token: str, mqtt: MqttToken) -> SessionTokens:
        return SessionTokens(
            caller,
            self._tokens.access(caller.user.username, caller.device_id),
            self._tokens.access_seconds,
            refresh_token,
            mqtt,
        )


def _refresh_refused() -> UnauthenticatedError:
    return UnauthenticatedError("The refresh token is not valid.", challenge='Bearer error="invalid_token"')
