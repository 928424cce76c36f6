"""Writing a message in an editor of one's own."""

import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from mqtt_client.errors import InputError
from wire.message import BODY_MAX


def edited(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """Let $VISUAL or $EDITOR change a text, on the terminal that is free meanwhile. Raises InputError."""
    command = environment.get("VISUAL") or environment.get("EDITOR") or "vi"
    with TemporaryDirectory(prefix="nightjar-") as directory:
        file = Path(directory) / "message.txt"
        file.write_text(text, encoding="utf-8", errors="replace")
        try:
            done = subprocess.run([*shlex.split(command), str(file)], check=False)  # noqa: S603  # the user's own editor
        except (OSError, ValueError) as error:
            raise InputError(f"$EDITOR cannot be started: {command}") from error
        if done.returncode:
            raise InputError(f"{command} ended with {done.returncode}: the message is as it was")
        with file.open("rb") as written:
            return written.read(BODY_MAX + 1).decode(errors="replace").removesuffix("\n")
