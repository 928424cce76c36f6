"""The full-screen app in a real terminal: a tmux session of its own, with keys pressed and its screen read."""

import os
import secrets
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.stack import wait_for

ROOT = Path(__file__).resolve().parents[2]
_STARTS_WITHIN = 60.0
_NOT_KEPT = {"TMUX", "COLUMNS", "LINES"}


class AppTerminal:
    """One running app. `press` sends keys as tmux names them (`Enter`, `M-2`, `C-k`), `write` sends text."""

    def __init__(
        self, socket: str, environment: Mapping[str, str], arguments: tuple[str, ...], size: tuple[int, int]
    ) -> None:
        self._socket = socket
        width, height = size
        kept = {name: value for name, value in environment.items() if name not in _NOT_KEPT}
        settings = [f"{name}={value}" for name, value in {**kept, "TERM": "xterm-256color"}.items()]
        command = shlex.join(["env", "-i", *settings, sys.executable, "-m", "mqtt_client", *arguments])
        self._tmux(
            "-f", os.devnull, "new-session", "-d", "-x", str(width), "-y", str(height),
            f"{command}; echo \"ended with $?\"; sleep 600",
        )  # fmt: skip

    def press(self, *keys: str) -> None:
        """Press keys."""
        self._tmux("send-keys", *keys)

    def write(self, text: str) -> None:
        """Type text as it stands."""
        self._tmux("send-keys", "-l", text)

    def screen(self, *, looks: bool = False) -> str:
        """Read the screen, with colours and the like as escape sequences when they are wanted."""
        return self._tmux("capture-pane", "-p", *(["-e"] if looks else [])).rstrip()

    def wait_for(self, text: str, timeout: float = _STARTS_WITHIN) -> str:
        """Wait until the screen has a text; return the screen."""
        return self.wait_for_one_of(text, timeout=timeout)

    def wait_for_one_of(self, *texts: str, timeout: float = _STARTS_WITHIN) -> str:
        """Wait until the screen has one of some texts; return the screen."""
        last = ""

        def there() -> bool:
            nonlocal last
            last = self.screen()
            return any(text in last for text in texts)

        try:
            wait_for(there, f"{' or '.join(map(repr, texts))} on the screen", timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}; it shows\n{last}") from None
        return last

    def wait_without(self, text: str, timeout: float = _STARTS_WITHIN) -> None:
        """Wait until the screen has a text no more."""
        wait_for(lambda: text not in self.screen(), f"{text!r} gone from the screen", timeout)

    def kill(self) -> None:
        """Kill -9 the app."""
        self.signal("KILL")
        self.wait_for("ended with 137")

    def signal(self, name: str) -> None:
        """Send the app a signal."""
        for process in self.processes():
            os.kill(process, signal.Signals[f"SIG{name}"])

    def processes(self) -> list[int]:
        """List the app's processes."""
        shell = self._tmux("list-panes", "-F", "#{pane_pid}").strip()
        return [int(child) for child in Path(f"/proc/{shell}/task/{shell}/children").read_text().split()]

    def close(self) -> None:
        """End the terminal, and what runs in it."""
        subprocess.run(["tmux", "-L", self._socket, "kill-server"], capture_output=True, check=False)

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._socket, *arguments], capture_output=True, text=True, check=False, cwd=ROOT
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def app_terminal(
    environment: Mapping[str, str], *arguments: str, size: tuple[int, int] = (100, 30)
) -> Iterator[AppTerminal]:
    """Run the app in a terminal of its own; both end with the block."""
    socket = f"nightjar-{secrets.token_hex(4)}"
    terminal = AppTerminal(socket, environment, arguments, size)
    try:
        yield terminal
    finally:
        terminal.close()
