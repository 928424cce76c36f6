"""What the views work with, put together before the worker processes are forked."""

import os
import secrets
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from flask import current_app

from auth_api.accounts import Accounts
from auth_api.backlog import Backlog, QueueLimits
from auth_api.broker import BrokerLink
from auth_api.clock import now_ms
from auth_api.erasure import Eraser
from auth_api.events import Announcer
from auth_api.export import Exports
from auth_api.groups import GroupLimits, Groups
from auth_api.keys import PublicKeys, load_refresh_key, load_signing_key
from auth_api.limits import Limits
from auth_api.metrics import Metrics
from auth_api.passwords import PasswordHasher, PasswordPolicy, most_used_passwords
from auth_api.pool import Pool
from auth_api.purge import Purger
from auth_api.revocations import Revoker
from auth_api.search.indexing import Indexer
from auth_api.sessions import Sessions
from auth_api.settings import Settings
from auth_api.slots import Slots, Speaker
from auth_api.tokens import AccessTokens, MqttToken, TokenMaker
from wire.tokens import api_acl

EXTENSION: Final = "nightjar"
SHARED_DIR: Final = "AUTH_API_SHARED_DIR"
"""Environment variable that `serve` sets for its workers."""
_SERVICE_TOKEN_SECONDS: Final = 3600
_SIDE_CONNECTIONS: Final = 5


@dataclass(frozen=True, slots=True)
class Services:
    """Everything of one worker. Threads and connections begin in `start`: before it, the process may be forked."""

    settings: Settings
    pool: Pool
    keys: PublicKeys
    access_tokens: AccessTokens
    accounts: Accounts
    sessions: Sessions
    groups: Groups
    metrics: Metrics
    backlog: Backlog
    link: BrokerLink
    revoker: Revoker
    announcer: Announcer
    purger: Purger
    indexer: Indexer
    eraser: Eraser
    exports: Exports

    def start(self) -> None:
        """Begin what runs beside the requests: the link to the broker, side tasks. Only after the worker was forked."""
        self.metrics.follow_limits(self.backlog.limits)
        self.revoker.start(self.link)
        self.announcer.start(self.link)
        self.link.start()
        self.purger.start()
        self.indexer.start()
        self.eraser.start(self.link)

    def follow_backlog(self) -> None:
        """Bring the metrics up to date with what the broker holds."""
        self.metrics.follow_backlog(self.backlog.held, degraded=self.backlog.reason() is not None)

    def stop(self) -> None:
        """End what runs beside the requests."""
        self.eraser.stop()
        self.indexer.stop()
        self.purger.stop()
        self.announcer.stop()
        self.revoker.stop()
        self.link.stop()
        self.pool.close()


def services() -> Services:
    """Return the services of the application that answers this request."""
    return cast("Services", current_app.extensions[EXTENSION])


def build(settings: Settings) -> Services:
    """Put the services together; opens no connection. Raises KeyFilesError."""
    signing_key = load_signing_key(settings.keys_dir)
    tokens = TokenMaker(signing_key, now_ms, settings.access_token_seconds, settings.mqtt_token_seconds)
    pool = Pool(settings.database_url, settings.api_threads + _SIDE_CONNECTIONS)
    shared = _shared_dir()
    speaker = Speaker(shared)
    hasher = PasswordHasher(settings.password_hash, Slots(shared, settings.api_hash_slots))
    limits = Limits(pool, settings)
    revoker = Revoker(pool, settings.mqtt_token_seconds, settings.revocation_wait_seconds)
    announcer = Announcer(pool)
    eraser = Eraser(pool)
    sessions = Sessions(
        pool=pool,
        hasher=hasher,
        limits=limits,
        tokens=tokens,
        revoker=revoker,
        announcer=announcer,
        refresh_key=load_refresh_key(settings.keys_dir),
        refresh_seconds=settings.refresh_token_seconds,
    )
    policy = PasswordPolicy(settings.password_min, settings.password_max, most_used_passwords(settings.password_common))
    keys = PublicKeys(settings.public_keys_dir)
    metrics = Metrics()
    backlog = Backlog(
        QueueLimits(settings.broker_queue_messages, settings.broker_queue_bytes), time.monotonic, speaker.is_us
    )
    return Services(
        settings=settings,
        pool=pool,
        keys=keys,
        access_tokens=AccessTokens(keys, now_ms),
        accounts=Accounts(
            pool=pool,
            hasher=hasher,
            policy=policy,
            limits=limits,
            live=sessions,
            revoker=revoker,
            announcer=announcer,
            eraser=eraser,
            retirement_seconds=settings.name_retirement_seconds,
        ),
        sessions=sessions,
        groups=Groups(
            pool=pool,
            revoker=revoker,
            announcer=announcer,
            limits=GroupLimits(settings.group_members, settings.user_groups),
        ),
        metrics=metrics,
        backlog=backlog,
        link=_link(settings, tokens, revoker, metrics, backlog),
        revoker=revoker,
        announcer=announcer,
        purger=Purger(pool, settings.dead_letter_days),
        indexer=Indexer(pool, settings.search_language, speaker.is_us),
        eraser=eraser,
        exports=Exports(pool, max(1, settings.api_threads // 4)),
    )


def _link(settings: Settings, tokens: TokenMaker, revoker: Revoker, metrics: Metrics, backlog: Backlog) -> BrokerLink:
    service = secrets.token_hex(6)

    def credentials() -> MqttToken:
        return tokens.broker_token("api", f"api.{service}{os.getpid():x}", api_acl(), _SERVICE_TOKEN_SECONDS)

    def follow(is_up: bool) -> None:
        metrics.follow_broker(is_up)
        revoker.follow(is_up)
        if not is_up:
            backlog.forget()

    def count(name: str, value: int, is_news: bool) -> None:
        backlog.count(name, value, is_news=is_news)
        metrics.follow_backlog(backlog.held, degraded=backlog.reason() is not None)

    return BrokerLink(settings.broker, credentials, follow, count)


def _shared_dir() -> Path:
    """Name the directory that all workers share: `serve` has made one; a worker without it makes its own."""
    return Path(os.environ.get(SHARED_DIR) or tempfile.mkdtemp(prefix="nightjar-api-"))
