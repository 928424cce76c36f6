"""Everything that the server stores about a user, in a file."""

import asyncio
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from mqtt_client.api import Api
from mqtt_client.errors import ClientError, InputError

END_BYTES = 4096
"""At the end of an export: its last line fits."""
_PIECE_BYTES = 256 * 1024


def is_whole(end: bytes) -> bool:
    """Whether the last line says that it is the last one; `end` is the end of an export."""
    try:
        last = json.loads(end.splitlines()[-1])
    except (ValueError, IndexError, RecursionError):
        return False
    return isinstance(last, dict) and last.get("type") == "end"


async def export_to(api: Api, path: Path, progress: Callable[[int], None]) -> int:
    """Write the export into a file that is not there yet, for its owner only; return its bytes.

    `progress` is told the bytes so far. A file that is not whole is removed, also when this is cancelled. Raises
    InputError for a file that cannot be made, ClientError, ApiError, OutOfReachError, NotLoggedInError.
    """
    try:
        file = _made(path)  # here, so that it is known to be there when this is cancelled
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be made: {getattr(error, 'strerror', None) or error}") from error
    try:
        with file:
            return await _copied(api, file, progress)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(path)  # noqa: PTH108  # at once, also while this is being cancelled
        if isinstance(error, OSError):
            raise InputError(f"{path} cannot be written: {error.strerror}") from error
        raise


async def _copied(api: Api, file: BinaryIO, progress: Callable[[int], None]) -> int:
    count, piece, end = 0, bytearray(), b""
    async with api.stream("/v1/me/export") as parts:
        async for part in parts:
            piece += part
            end = (end + part)[-END_BYTES:]
            if len(piece) >= _PIECE_BYTES:
                await asyncio.to_thread(file.write, bytes(piece))
                count += len(piece)
                piece.clear()
                progress(count)
    await asyncio.to_thread(file.write, bytes(piece))
    await asyncio.to_thread(file.flush)
    if not is_whole(end):
        raise ClientError("the export is not whole: the server broke it off; try again")
    return count + len(piece)


def _made(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")
