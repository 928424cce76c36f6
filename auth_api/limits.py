"""Limits against guessing and flooding (contract, section 7).

An attempt is counted when it has failed, in one transaction with every counter it concerns, all or none: whoever
commits as the sixth of five learns nothing but that the limit is used up, however many run at the same time.
"""

import ipaddress
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from limits import RateLimitItem
from limits.strategies import FixedWindowRateLimiter

from auth_api.errors import TooManyAttemptsError
from auth_api.pool import Cursor, Pool
from auth_api.queries.limits import PostgresStorage
from auth_api.settings import Settings, limit_items


@dataclass(frozen=True, slots=True)
class Bucket:
    """One counter: a limit, and for whom."""

    item: RateLimitItem
    who: tuple[str, ...]

    @property
    def key(self) -> str:
        """Name the counter."""
        return self.item.key_for(*self.who)


class Limits:
    """The limits of the settings, counted in the database."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._login = limit_items(settings.login_limit)
        self._address = limit_items(settings.login_address_limit)
        self._registration = limit_items(settings.registration_limit)

    def login(self, username: str, address: str) -> list[Bucket]:
        """Name the counters of failed logins: of the account at this address, and of the address."""
        whence = network_of(address)
        return [
            *(Bucket(item, ("login", username, whence)) for item in self._login),
            *(Bucket(item, ("address", whence)) for item in self._address),
        ]

    def confirmation(self, device_id: str) -> list[Bucket]:
        """Name the counters of wrong passwords on a session, which locks out no other session of the user."""
        return [Bucket(item, ("confirm", device_id)) for item in self._login]

    def registration(self, address: str) -> list[Bucket]:
        """Name the counters of registrations."""
        return [Bucket(item, ("registration", network_of(address))) for item in self._registration]

    def check(self, buckets: Sequence[Bucket]) -> None:
        """Raise TooManyAttemptsError when a counter is used up; counts nothing."""
        with self._pool.reading() as cur:
            storage = _storage(cur, buckets)
        limiter = FixedWindowRateLimiter(storage)
        _refuse(storage, [bucket for bucket in buckets if not limiter.test(bucket.item, *bucket.who)])

    def hit(self, buckets: Sequence[Bucket]) -> None:
        """Count one attempt; raise TooManyAttemptsError and count nothing when a counter is used up."""
        with self._pool.transaction() as cur:
            storage = _storage(cur, buckets)
            limiter = FixedWindowRateLimiter(storage)
            for bucket in sorted(buckets, key=lambda each: each.key):
                if not limiter.hit(bucket.item, *bucket.who):
                    _refuse(storage, [bucket])


def network_of(address: str) -> str:
    """Name what counts as one address: an IPv4 address, or the /64 that an IPv6 host has to itself."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), 64), strict=False))


def _storage(cur: Cursor, buckets: Sequence[Bucket]) -> PostgresStorage:
    return PostgresStorage(cur, [bucket.key for bucket in buckets])


def _refuse(storage: PostgresStorage, used_up: Sequence[Bucket]) -> None:
    if used_up:
        ends = max(storage.get_expiry(bucket.key) for bucket in used_up)
        raise TooManyAttemptsError(max(1, math.ceil(ends - time.time())))
