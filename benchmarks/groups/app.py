"""The full-screen app: its first screen, from a key to the screen while messages pour in, and its memory."""

import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.figure import Figure, Goal, alone
from benchmarks.load.pace import Pace, time_messages
from benchmarks.memory import MIB, memory_of
from benchmarks.mqtt import Login
from benchmarks.stacks import Account, LiveStack
from benchmarks.statistics import percentile
from benchmarks.terminal import InTerminal
from benchmarks.workers import Worker
from mqtt_client.app.storage import Chats, Incoming
from mqtt_client.credentials import Credentials
from mqtt_client.profile import Profile
from wire.topics import archived, inbox

_APP = (sys.executable, "-m", "mqtt_client")
_PYTHON = (sys.executable, "-c", "print('python')")
_RATE = 200
_LETTERS = "αβγδεζηθικλμνξοπρστυφχψω"
"""Typed one after the other: nothing else that is drawn has them."""
_PAUSE_SECONDS = 0.05
_NEVER = 10**12
"""A Unix time that no run reaches: the tokens hold for as long as any benchmark runs."""


def measure(bench: Bench) -> list[Figure]:
    """Start the app again and again, and then type into it."""
    return [_start(bench), *_typing(bench)]


def _start(bench: Bench) -> Figure:
    home = bench.scratch()
    account = Account("alice", Login("alice.aaaaaaaaaa", "alice", "none"), "none")
    seed(home, account, "http://127.0.0.1:9", 1, 10_000)
    seconds = [bench.undisturbed(partial(_first_screen, home)) for _ in range(max(5, bench.rounds))]
    note = "until the last message is on the screen, from the local copy; nothing has been asked of the server then"
    name = "app: first screen with 10,000 stored messages, after Python's own start"
    return alone(name, "ms", seconds, Goal(300), kind="lower", note=note)


def _first_screen(home: Path) -> float:
    with InTerminal(_PYTHON, _environment(home)) as terminal:
        python = terminal.wait_for(b"python")
    with InTerminal(_APP, _environment(home)) as terminal:
        return 1000 * (terminal.wait_for(b"message 9999") - python)


def _typing(bench: Bench) -> list[Figure]:
    loaded, seconds = bench.scaled(100_000, 20_000), bench.scaled(30, 10)
    with bench.stack() as stack:
        alice, bob = stack.accounts(["alice", "bob"])
        home = bench.scratch()
        seed(home, alice, stack.server, stack.port, loaded)
        with InTerminal(_APP, _environment(home)) as terminal:
            terminal.wait_for(b"online")
            terminal.read_for(2)
            idle = bench.undisturbed(partial(_answers, terminal, seconds / 3))
            busy = bench.undisturbed(partial(_while_messages_come, stack, terminal, bob, seconds))
            memory = memory_of(terminal.pid).pss / MIB
    what = f"{loaded:,} messages loaded"
    return [
        alone(f"app: key to screen, p99, {what}", "ms", [_p99(idle)], Goal(50), kind="lower"),
        alone(
            f"app: the same while {_RATE} messages/s arrive in the open conversation",
            "ms",
            [_p99(busy)],
            Goal(50),
            kind="lower",
            note=f"median {1000 * percentile(busy, 0.5):.1f} ms of {len(busy)} keys",
        ),
        alone(f"app: memory afterwards, {what}", "MiB", [memory], Goal(), kind="lower", note="PSS"),
    ]


def _while_messages_come(stack: LiveStack, terminal: InTerminal, bob: Account, seconds: float) -> list[float]:
    job = Pace(
        port=stack.port,
        sender=bob.login,
        topic=inbox("alice", "bob"),
        watcher=bob.login,
        filters=[(archived("bob"), 0)],
        messages=round(_RATE * (seconds + 4)),
        rate=_RATE,
    )
    with Worker[list[list[float]]](time_messages, [job]) as worker:
        worker.wait_ready()
        worker.go()
        terminal.read_for(2)
        found = _answers(terminal, seconds)
        terminal.read_for(4)
        worker.result(120)
    return found


def _answers(terminal: InTerminal, seconds: float) -> list[float]:
    """Type letter after letter; return how long each took to be on the screen."""
    found: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        for letter in _LETTERS:
            found.append(terminal.answer(letter.encode(), letter.encode()))
            terminal.read_for(_PAUSE_SECONDS)
        terminal.press(b"\x15")
        terminal.read_for(0.3)
    return found


def seed(home: Path, account: Account, server: str, port: int, count: int) -> None:
    """Leave a login and a copy with `count` messages in one conversation, as an earlier run of the app would have."""
    profile = Profile("default", home / "data" / "nightjar" / "default", home / "config" / "nightjar" / "default.json")
    device = account.login.client_id.partition(".")[2]
    mqtt = {
        "host": "127.0.0.1", "port": port, "tls": False, "username": account.username,
        "password": account.login.password, "client_id": account.login.client_id,
        "expires_at": "2099-01-01T00:00:00Z", "ends_at": _NEVER,
    }  # fmt: skip
    profile.save(
        Credentials.model_validate({
            "server": server, "username": account.username, "device_id": device, "device_name": None,
            "access_token": account.access_token, "access_ends_at": _NEVER, "refresh_token": "none", "mqtt": mqtt,
        })
    )  # fmt: skip
    with Chats(profile.chats_file(server, account.username), account.username) as chats:
        chats.begin("direct:bob", "", 1, is_whole=True)
        chats.move_cursor("*", 0)
        for first in range(0, count, 1000):
            chats.keep(_messages(first, min(count, first + 1000), count), news=False)


def _messages(first: int, last: int, count: int) -> Sequence[Incoming]:
    """Make messages that stand before all that the server will number: their seqs are below its first."""
    return [
        Incoming(
            conversation="direct:bob",
            sender="bob" if number % 3 else "alice",
            id=f"00000000-0000-7000-8000-{number:012d}",
            content_type="text/plain; charset=utf-8",
            body=f"message {number} with *some* words, and https://example.org/{number}".encode(),
            sent_at=1_767_261_600.0 + 60 * number,
            seq=number - count,
        )
        for number in range(first, last)
    ]


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NIGHTJAR_", "XDG_", "TMUX"))}
    homes = {f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("DATA", "CONFIG", "STATE", "CACHE")}
    return {**kept, **homes}


def _p99(seconds: Sequence[float]) -> float:
    return 1000 * percentile(seconds, 0.99)
