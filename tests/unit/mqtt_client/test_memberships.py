"""Messages to groups that one is not in, refused by the server's list of groups."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import pytest

from mqtt_client import memberships
from mqtt_client.api import Api
from mqtt_client.memberships import Memberships, Renewed
from mqtt_client.models import Group
from mqtt_client.sending import compose
from mqtt_client.store import Store
from wire.conversations import group

CLOSED = "gclosed222222"


async def test_what_is_written_after_the_list_was_asked_for_is_not_refused_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sender may have been added again meanwhile. If not, the broker refuses it too, and the list is read anew."""
    early, late = compose(group(CLOSED), b"early"), compose(group(CLOSED), b"late")
    left: list[str] = []
    asked: list[int] = []
    with Store(tmp_path / "alice.db") as store:
        store.post(early)
        watched = Memberships(cast("Api", None), store, frozenset(), Renewed(), lambda: 0.0)

        async def listed(_: Api) -> list[Group]:
            asked.append(len(store.outbox()))
            if len(asked) == 1:
                store.post(late)
                watched.doubt(CLOSED)
            return []

        def note(ids: Iterable[str]) -> None:
            left.extend(ids)

        monkeypatch.setattr(memberships, "own_groups", listed)
        monkeypatch.setattr(memberships, "_PAUSE_SECONDS", 0.01)
        watched.doubt(CLOSED)
        watching = asyncio.create_task(watched.watch(asyncio.Event(), note))
        async with asyncio.timeout(10):
            while len(asked) < 2 or store.outbox():  # noqa: ASYNC110  # the outbox is a file
                await asyncio.sleep(0.01)
        watching.cancel()
    assert asked == [1, 1], "the late one was in the outbox still when the list was asked for again"
    assert left == [early.id, late.id]
