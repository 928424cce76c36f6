"""Network namespaces for programs that are to be cut off: a link each, which can go down without a word to anybody."""

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from scripts.faults.errors import FaultsError

SERVER_ADDRESS: Final = "10.77.0.1"
"""Where broker and REST service listen, in the network namespace of the run."""


class Room:
    """A network namespace with one link, to the servers. It lasts as long as a process that holds it."""

    def __init__(self, number: int) -> None:
        self._outer, self._inner = f"room{number}", f"door{number}"
        self._near, self._far = f"10.77.{number}.1", f"10.77.{number}.2"
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        try:
            self._link()
        except BaseException:
            self.close()
            raise

    def entered(self, argv: Sequence[str]) -> list[str]:
        """Say how a program is run inside."""
        return ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net", *argv]

    def cut(self) -> None:
        """Swallow every packet from now on; neither side is told."""
        _ip("link", "set", self._outer, "down")

    def mend(self) -> None:
        """Let packets through again."""
        _ip("link", "set", self._outer, "up")

    def close(self) -> None:
        """End it; the kernel removes the link with it."""
        self._holder.kill()
        self._holder.wait()

    def _link(self) -> None:
        self._wait_for_namespace()
        _ip("link", "add", self._outer, "type", "veth", "peer", "name", self._inner, "netns", str(self._holder.pid))
        _ip("address", "add", f"{self._near}/30", "dev", self._outer)
        _ip("link", "set", self._outer, "up")
        for arguments in (
            ["link", "set", "lo", "up"],
            ["address", "add", f"{self._far}/30", "dev", self._inner],
            ["link", "set", self._inner, "up"],
            ["route", "add", "default", "via", self._near],
        ):
            _run(self.entered(["ip", *arguments]))

    def _wait_for_namespace(self) -> None:
        """`unshare` is another program, `sleep`, once it has entered its namespace."""
        name = ""
        while name != "sleep":
            name = Path(f"/proc/{self._holder.pid}/comm").read_text(encoding="utf-8").strip()
            time.sleep(0.005)


def prepare_network() -> None:
    """Give the network namespace of the run an address to serve at."""
    _ip("link", "set", "lo", "up")
    _ip("address", "add", f"{SERVER_ADDRESS}/32", "dev", "lo")


def _ip(*arguments: str) -> None:
    _run(["ip", *arguments])


def _run(argv: Sequence[str]) -> None:
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    if done.returncode:
        raise FaultsError(f"{' '.join(argv)} failed: {done.stderr.strip()}")
