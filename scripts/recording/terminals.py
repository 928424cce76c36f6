"""Real terminals: panes of a tmux server of our own, typed into and looked at."""

import os
import shlex
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from scripts.stack.errors import StackError

COLUMNS, ROWS = 62, 11


@dataclass(frozen=True)
class Pane:
    """One terminal: `title` is shown above it."""

    key: str
    title: str
    environment: Mapping[str, str]


class Terminals:
    """Several panes, each a shell with its environment. Ended with the `with` statement."""

    def __init__(self, socket: Path, panes: list[Pane]) -> None:
        self._socket = socket
        self.panes = panes

    def __enter__(self) -> "Terminals":
        for pane in self.panes:
            environment = [f"{name}={value}" for name, value in pane.environment.items()]
            shell = shlex.join(["env", *environment, "bash", "--norc", "--noprofile", "-i"])
            size = ["-x", str(COLUMNS), "-y", str(ROWS)]
            self._tmux("-f", os.devnull, "new-session", "-d", "-s", pane.key, *size, shell)
            self._tmux("set-option", "-t", pane.key, "status", "off")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tmux("kill-server")

    def type(self, key: str, text: str) -> None:
        """Type into a terminal, without Enter."""
        self._tmux("send-keys", "-t", key, "-l", text)

    def press(self, key: str, name: str) -> None:
        """Press a key by its tmux name, such as `Enter` or `C-c`."""
        self._tmux("send-keys", "-t", key, name)

    def look(self, key: str) -> list[str]:
        """Return what the terminal shows, a text a row; a block marks the cursor."""
        shown = self._tmux("capture-pane", "-p", "-t", key).split("\n")[:ROWS]
        at = self._tmux("display-message", "-p", "-t", key, "#{cursor_x} #{cursor_y}").split()
        column, row = int(at[0]), int(at[1])
        rows = shown + [""] * (ROWS - len(shown))
        rows[row] = f"{rows[row]:<{column}}"[:column] + "█" + rows[row][column + 1 :]
        return [line.rstrip() for line in rows]

    def wait_for(self, key: str, text: str, timeout: float = 30.0) -> None:
        """Wait until a terminal shows a text. Raises StackError."""
        deadline = time.monotonic() + timeout
        while not any(text in line for line in self.look(key)):
            if time.monotonic() > deadline:
                raise StackError(f"after {timeout:.0f} s the terminal {key} does not show {text!r}: {self.look(key)}")
            time.sleep(0.05)

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-u", "-S", str(self._socket), *arguments], check=False, capture_output=True, text=True
        )
        if done.returncode:
            raise StackError(f"tmux {arguments[0]}: {done.stderr.strip()}")
        return done.stdout
