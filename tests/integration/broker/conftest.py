"""Brokers to attack: one that lets everybody do everything, and one with the plugin, compiled with the sanitisers."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.broker import (
    Broker,
    Realm,
    build_sanitized_plugin,
    sanitizer_environment,
    sanitizer_reports,
)
from tests.support.peer import Peer, RefusedError

RealmFactory = Callable[..., Realm]
NewUser = Callable[[str], str]

_numbers = itertools.count(1)


@pytest.fixture
def new_user() -> NewUser:
    """Return a function that makes a username nobody else has: tests share brokers."""
    return lambda name: f"{name}{next(_numbers)}"


@pytest.fixture(scope="session")
def sanitized_plugin() -> Path:
    """Compile the plugin with AddressSanitizer and UndefinedBehaviorSanitizer."""
    return build_sanitized_plugin()


def stop_and_check(broker: Broker) -> None:
    """Stop a broker; fail if the sanitisers found anything while it ran."""
    broker.stop()
    reports = sanitizer_reports(broker.log)
    assert not reports, f"the sanitisers report, see {broker.log_path}:\n" + "\n".join(reports)


@pytest.fixture(scope="session")
def realm(sanitized_plugin: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Realm]:
    """Run a guarded broker for all tests that do not break it; its gate is open."""
    broker = Broker(tmp_path_factory.mktemp("guarded"), sanitized_plugin, environment=sanitizer_environment())
    made = Realm(broker).start()
    yield made
    made.close()
    stop_and_check(broker)


@pytest.fixture(scope="session")
def open_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Run a broker without the plugin, which lets everybody do everything."""
    broker = Broker(tmp_path_factory.mktemp("open"), None, {"allow_anonymous": "true"})
    yield broker.start()
    broker.stop()


@pytest.fixture
def new_realm(sanitized_plugin: Path, tmp_path: Path) -> Iterator[RealmFactory]:
    """Return a function that makes a guarded broker of the test's own, not started yet."""
    with ExitStack() as made:

        def make(**settings: str) -> Realm:
            broker = Broker(
                tmp_path / f"broker{next(_numbers)}", sanitized_plugin, settings, environment=sanitizer_environment()
            )
            realm = Realm(broker)
            made.callback(stop_and_check, broker)
            made.callback(realm.close)
            return realm

        yield make


@dataclass
class Arena:
    """Where an attack takes place: it has to succeed exactly where nobody guards."""

    guarded: bool
    port: int
    realm: Realm | None
    peers: ExitStack

    def connect(self, user: str, client_id: str | None = None, **options: Any) -> Peer:
        """Connect somebody, to the guarded broker with a good token of theirs; `claims` change that token."""
        if self.realm:
            return self.realm.connect(user, client_id, **options)
        options.pop("claims", None)
        token = options.pop("token", None)
        peer = Peer(self.port, client_id or f"{user}.aaaaaaaaaa", user, token, **options)
        self.peers.callback(peer.close)
        return peer

    def verdict(self, succeeded: bool) -> None:
        """Require that the attack succeeded where nobody guards, and failed where the plugin does."""
        assert succeeded is not self.guarded, "the attack succeeded" if succeeded else "the attack proves nothing"


@pytest.fixture(params=["open", "guarded"])
def arena(request: pytest.FixtureRequest, realm: Realm, open_broker: Broker) -> Iterator[Arena]:
    """Give the test both brokers, one after the other."""
    guarded = request.param == "guarded"
    with ExitStack() as peers:
        yield Arena(guarded, realm.broker.port if guarded else open_broker.port, realm if guarded else None, peers)
    realm.close()


__all__ = ["Arena", "NewUser", "RealmFactory", "RefusedError"]
