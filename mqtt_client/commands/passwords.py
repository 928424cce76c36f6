"""Asking for passwords: on the terminal without echo, or from standard input; never anywhere else."""

import getpass
import sys
from pathlib import Path

from mqtt_client.errors import InputError

_LINE_MAX = 4096


class Asker:
    """Where a command's passwords come from."""

    def __init__(self, *, from_stdin: bool) -> None:
        """Choose between standard input, a line a password, and the terminal."""
        self._from_stdin = from_stdin

    def password(self, prompt: str = "Password") -> str:
        """Ask for one password. Raises InputError."""
        password = _line() if self._from_stdin else _ask(prompt)
        if not password:
            raise InputError("the password is empty")
        try:
            password.encode()
        except UnicodeEncodeError as error:
            raise InputError("the password is no UTF-8") from error
        return password

    def new_password(self, prompt: str = "Password") -> str:
        """Ask for a password to set; on the terminal twice. Raises InputError."""
        password = self.password(prompt)
        if not self._from_stdin and _ask(f"{prompt} again") != password:
            raise InputError("the two passwords differ")
        return password


def _ask(prompt: str) -> str:
    try:
        with Path("/dev/tty").open("rb"):
            pass
    except OSError as error:
        raise InputError("there is no terminal to ask for the password on: use --password-stdin") from error
    return getpass.getpass(f"{prompt}: ")


def _line() -> str:
    line = sys.stdin.buffer.readline(_LINE_MAX + 1)
    if len(line) > _LINE_MAX:
        raise InputError("the password is too long")
    try:
        return line.removesuffix(b"\n").removesuffix(b"\r").decode()
    except UnicodeDecodeError as error:
        raise InputError("the password is no UTF-8") from error
