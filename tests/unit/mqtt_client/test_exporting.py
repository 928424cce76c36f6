"""The export in a file."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mqtt_client.errors import ClientError, InputError
from mqtt_client.exporting import export_to

END = b'{"type": "end"}\n'


class Scripted:
    """Stands for the API: streams what was scripted, and then waits when it is to be cancelled."""

    def __init__(self, *parts: bytes, hangs: bool = False) -> None:
        self.parts = parts
        self.hangs = hangs

    @asynccontextmanager
    async def stream(self, path: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Stream it."""
        assert path == "/v1/me/export"

        async def every() -> AsyncIterator[bytes]:
            for part in self.parts:
                yield part
            if self.hangs:
                await asyncio.Event().wait()

        yield every()


async def test_an_export_is_written_for_its_owner_only(tmp_path: Path) -> None:
    counts: list[int] = []
    target = tmp_path / "me.ndjson"
    big = b"x" * 300_000 + b"\n"
    count = await export_to(Scripted(big, END), target, counts.append)  # type: ignore[arg-type]  # it stands for the API
    assert target.read_bytes() == big + END
    assert (count, counts) == (len(big + END), [len(big)])
    assert target.stat().st_mode & 0o777 == 0o600


async def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    target = tmp_path / "me.ndjson"
    target.write_text("mine")
    with pytest.raises(InputError, match="cannot be made: File exists"):
        await export_to(Scripted(END), target, lambda _: None)  # type: ignore[arg-type]  # as above
    assert target.read_text() == "mine"


async def test_what_is_not_whole_is_removed(tmp_path: Path) -> None:
    """Whether the server broke it off or somebody cancelled it."""
    target = tmp_path / "me.ndjson"
    with pytest.raises(ClientError, match="not whole"):
        await export_to(Scripted(b'{"type": "message"}\n'), target, lambda _: None)  # type: ignore[arg-type]  # as above
    assert not target.exists()
    begun = asyncio.Event()
    hanging = Scripted(b"x" * 300_000, hangs=True)
    running = asyncio.create_task(export_to(hanging, target, lambda _: begun.set()))  # type: ignore[arg-type]  # as above
    await begun.wait()
    assert target.exists()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not target.exists()


async def test_no_file_is_left_when_it_is_cancelled_at_once(tmp_path: Path) -> None:
    target = tmp_path / "me.ndjson"
    exporting = asyncio.create_task(export_to(Scripted(hangs=True), target, lambda _: None))  # type: ignore[arg-type]  # as above
    await asyncio.sleep(0)
    exporting.cancel()
    await asyncio.gather(exporting, return_exceptions=True)
    await asyncio.sleep(0.1)
    assert not target.exists()
