"""Starting the app: what is on this machine is on the screen before anything is asked."""

import os
import shutil
import sys
import termios
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from mqtt_client.app.config import Config, read_config
from mqtt_client.app.entries import Snapshot
from mqtt_client.app.first_screen import LEAVE, first_screen
from mqtt_client.app.listing import LIST_WIDTH
from mqtt_client.app.palette import PALETTES
from mqtt_client.app.storage import Chats
from mqtt_client.errors import ClientError
from mqtt_client.locks import FileLock
from mqtt_client.profile import Profile

_FIRST_PAGE = 100


class AlreadyOpenError(ClientError):
    """Another app is open on the profile."""


def run_app(profile: Profile, server: str | None, default_server: str, wanted: str | None) -> None:
    """Run the app until somebody leaves it. `wanted` is a user to write to.

    Raises AlreadyOpenError, InputError for a bad `config.toml`, StorageError; ClientError when the app has failed.
    """
    config = read_config(profile.settings_file.with_name("config.toml"))
    profile.prepare()
    lock = FileLock(profile.app_lock)
    if not lock.take():
        raise AlreadyOpenError(_who_has_it(profile))
    try:
        profile.app_lock.write_text(f"{os.getpid()}\n")
        _run(profile, server, default_server, wanted, config)
    finally:
        lock.release()


def _run(profile: Profile, server: str | None, default_server: str, wanted: str | None, config: Config) -> None:
    quieted: list[Any] | None = None
    known = profile.who()
    if known is None or (server is not None and server != known[0]):
        named: dict[str, Any] = {"server": server or default_server}
    else:
        chats = Chats(profile.chats_file(*known), known[1])
        named = {"server": known[0], "username": known[1], "chats": chats, "snapshot": snapshot(chats, wanted)}
        named["theme"] = chats.choice("theme")
        named["is_painted"] = True
        quieted = _quiet_terminal()
        _write(first_screen(named["snapshot"], known[1], _size(), None, _palette(named["theme"] or config.theme)))
    try:
        _draw_often(os.environ)
        # Loaded here, after the first screen: it takes longer than everything before.
        from mqtt_client.app.nightjar import NightjarApp, Start  # noqa: PLC0415  # see above

        app = NightjarApp(Start(profile, wanted=wanted, config=config, **named))
        app.run()
    except BaseException:
        _write(LEAVE if quieted is not None else "")
        raise
    finally:
        if quieted is not None:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, quieted)
    if app.crash is not None:
        raise app.crash
    if app.return_code:
        raise ClientError("the app has failed: what stands above says where")


def _draw_often(environment: MutableMapping[str, str]) -> None:
    """Have Textual, not loaded yet, draw changes sooner than its 60 times a second; who has chosen otherwise keeps it.

    After one drawing it waits one to two such periods for the next: a key that is pressed while messages come would be
    on the screen up to 33 ms later. While nothing changes nothing is drawn.
    """
    environment.setdefault("TEXTUAL_FPS", "120")


def _quiet_terminal() -> list[Any]:
    """Keep what is typed already from being shown on the first screen: the app gets it. Returns how it was before."""
    before = termios.tcgetattr(sys.stdin)
    quiet = termios.tcgetattr(sys.stdin)
    quiet[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(sys.stdin, termios.TCSANOW, quiet)
    return before


def _write(text: str) -> None:
    # Where Textual writes: standard output may be a pipe.
    sys.stderr.write(text)
    sys.stderr.flush()


def _size() -> tuple[int, int]:
    width, height = shutil.get_terminal_size()  # as Textual asks
    return max(width, LIST_WIDTH + 4), max(height, 5)


def _palette(theme: str) -> Mapping[str, str] | None:
    """Choose the colours of the first screen: those of our themes, where the terminal says that it has all colours."""
    has_colours = os.environ.get("COLORTERM", "") in ("truecolor", "24bit") and "NO_COLOR" not in os.environ
    return PALETTES.get(theme) if has_colours else None


def snapshot(chats: Chats, wanted: str | None = None) -> Snapshot:
    """Read what a start shows first: the list, and the last page of the conversation that was open."""
    rows = tuple(chats.rows())
    names = [row.name for row in rows]
    asked = [f"direct:{wanted}" if wanted else "", chats.choice("opened") or "", *names[:1]]
    opened = next((name for name in asked if name in names), None)
    if opened is None or (wanted and opened != asked[0]):
        return Snapshot(rows)
    page = chats.newest(opened, _FIRST_PAGE)
    floor, is_whole = chats.floor(opened)
    entries = tuple(entry for entry in page.entries if is_whole or entry.place >= floor or entry.seq is None)
    return Snapshot(rows, opened, type(page)(entries, page.at_start and is_whole, at_end=True))


def _who_has_it(profile: Profile) -> str:
    process = _first_line(profile.app_lock)
    named = f" (process {process})" if process.isdigit() else ""
    return f"the app is open already on profile {profile.name}{named}: use --profile for another login"


def _first_line(path: Path) -> str:
    try:
        return path.read_text().split("\n")[0][:20]
    except (OSError, ValueError):
        return ""
