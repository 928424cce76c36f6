"""`scripts/record`: start a server, let two people chat in real terminals, write docs/chat.svg and docs/app.svg."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from scripts.recording.film import Film
from scripts.recording.picture import picture
from scripts.recording.story import CAPTION, KEYS, PER_ROW, TITLES, tell
from scripts.recording.svg import draw
from scripts.recording.terminals import Pane, Terminals
from scripts.stack.config import ROOT
from scripts.stack.errors import StackError
from scripts.stack.ports import free_port, is_free

TARGET = ROOT / "docs" / "chat.svg"
APP_TARGET = ROOT / "docs" / "app.svg"
_SAMPLE_SECONDS = 0.1


def main() -> int:
    """Record; 0 done, 1 failed."""
    try:
        with tempfile.TemporaryDirectory(prefix="nightjar-recording-") as name:
            directory = Path(name)
            with _server(directory / "state") as server:
                app = picture(server, directory / "app", ("alicia", "roberto", "carola", "davide"))
                film, panes = _record(directory, server)
    except StackError as error:
        print(f"scripts/record: {error}", file=sys.stderr)
        return 1
    TARGET.write_text(draw(film, panes, PER_ROW, CAPTION))
    APP_TARGET.write_text(app)
    print(f"wrote {APP_TARGET.relative_to(ROOT)}")
    print(f"wrote {TARGET.relative_to(ROOT)}: {film.frames[-1][0]:.0f} s, {TARGET.stat().st_size // 1024} KiB")
    return 0


@contextmanager
def _server(state: Path) -> Iterator[str]:
    api, mqtt = (port if is_free("127.0.0.1", port) else free_port() for port in (8080, 1883))
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("NIGHTJAR_")},
        "NIGHTJAR_STATE_DIR": str(state),
        "NIGHTJAR_API_BIND": f"127.0.0.1:{api}",
        "NIGHTJAR_MQTT_BIND": f"127.0.0.1:{mqtt}",
    }
    _up(environment, "--detach")
    try:
        yield f"http://127.0.0.1:{api}"
    finally:
        _up(environment, "--stop")


def _up(environment: Mapping[str, str], option: str) -> None:
    done = subprocess.run(
        [str(ROOT / "scripts" / "up"), option],
        env=dict(environment),
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise StackError(f"scripts/up {option} failed: {done.stdout}")


def _record(directory: Path, server: str) -> tuple[Film, list[Pane]]:
    panes = [Pane(key, TITLES[key], _environment(directory, server, key)) for key in KEYS]
    film, ended = Film(), threading.Event()
    with Terminals(directory / "tmux", panes) as terminals:
        for key in KEYS:
            terminals.wait_for(key, "$ ")
        watcher = threading.Thread(target=_watch, args=(film, terminals, ended))
        watcher.start()
        try:
            tell(terminals)
            time.sleep(1)
        finally:
            ended.set()
            watcher.join()
    return film, panes


def _watch(film: Film, terminals: Terminals, ended: threading.Event) -> None:
    started = time.monotonic()
    while not ended.wait(_SAMPLE_SECONDS):
        at = 0.0 if not film.frames else time.monotonic() - started
        film.add(at, {pane.key: terminals.look(pane.key) for pane in terminals.panes})


def _environment(directory: Path, server: str, key: str) -> Mapping[str, str]:
    """One home a person: both of a person's terminals share it."""
    home = directory / key.partition("-")[0]
    home.mkdir(exist_ok=True)
    return {
        "HOME": str(home),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_RUNTIME_DIR": str(home),
        "NIGHTJAR_SERVER": server,
        "PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}",
        "PS1": "$ ",
        "HISTFILE": "",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }


if __name__ == "__main__":
    sys.exit(main())
