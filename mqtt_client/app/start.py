"""Starting the app: what is on this machine is on the screen before anything is asked."""

import os
from pathlib import Path

from mqtt_client.app.config import read_config
from mqtt_client.app.entries import Snapshot
from mqtt_client.app.storage import Chats
from mqtt_client.errors import ClientError
from mqtt_client.locks import FileLock
from mqtt_client.profile import Profile

_FIRST_PAGE = 100


class AlreadyOpenError(ClientError):
    """Another app is open on the profile."""


def run_app(profile: Profile, server: str | None, default_server: str, wanted: str | None) -> None:
    """Run the app until somebody leaves it. `wanted` is a user to write to.

    Raises AlreadyOpenError, InputError for a bad `config.toml`, StorageError.
    """
    config = read_config(profile.settings_file.with_name("config.toml"))
    profile.prepare()
    lock = FileLock(profile.app_lock)
    if not lock.take():
        raise AlreadyOpenError(_who_has_it(profile))
    try:
        profile.app_lock.write_text(f"{os.getpid()}\n")
        from mqtt_client.app.nightjar import NightjarApp, Start  # noqa: PLC0415  # a bad setting is told without it

        known = profile.who()
        if known is None or (server is not None and server != known[0]):
            start = Start(profile, server or default_server, wanted=wanted, config=config)
        else:
            chats = Chats(profile.chats_file(*known), known[1])
            start = Start(
                profile, known[0], known[1], wanted, config, chats, snapshot(chats, wanted), chats.choice("theme")
            )
        app = NightjarApp(start)
        app.run()
        if app.crash is not None:
            raise app.crash
    finally:
        lock.release()


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
