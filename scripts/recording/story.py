"""What the two people do in the recording."""

import time

from scripts.recording.terminals import Terminals

CAPTION = "Alice and Bob register, watch their messages with nightjar tail, and answer each other with nightjar send"
PER_ROW = 2
TITLES = {"alice-1": "alice", "bob-1": "bob", "alice-2": "alice, second terminal", "bob-2": "bob, second terminal"}
KEYS = tuple(TITLES)
_PASSWORDS = {"alice": "a long walk at dusk", "bob": "seven quiet owls"}


def tell(terminals: Terminals) -> None:
    """Play it from registration to reading the history back."""
    for name, password in _PASSWORDS.items():
        _register(terminals, name, password)
    for name in _PASSWORDS:
        _say(terminals, f"{name}-1", "nightjar tail")
    time.sleep(1)
    _send(terminals, "bob", "alice", "Did you hear it last night?")
    _send(terminals, "alice", "bob", "The nightjar? Till two in the morning!")
    _send(terminals, "bob", "alice", "Tomorrow at dusk, by the old gate?")
    _send(terminals, "alice", "bob", "I bring the tea. 🍵")
    time.sleep(1)
    _say(terminals, "bob-2", "clear")
    _say(terminals, "bob-2", "nightjar history alice")
    terminals.wait_for("bob-2", "the tea")
    time.sleep(2)


def _register(terminals: Terminals, name: str, password: str) -> None:
    key = f"{name}-1"
    _say(terminals, key, f"nightjar register {name}")
    for prompt in ("Password:", "Password again:"):
        terminals.wait_for(key, prompt)
        time.sleep(0.4)
        terminals.type(key, password)
        terminals.press(key, "Enter")
    terminals.wait_for(key, "logged in")
    time.sleep(0.5)


def _send(terminals: Terminals, sender: str, receiver: str, text: str) -> None:
    _say(terminals, f"{sender}-2", f"nightjar send {receiver} '{text}'")
    terminals.wait_for(f"{receiver}-1", text[:20])
    time.sleep(1.2)


def _say(terminals: Terminals, key: str, line: str) -> None:
    for part in _pieces(line):
        terminals.type(key, part)
        time.sleep(0.12)
    time.sleep(0.3)
    terminals.press(key, "Enter")


def _pieces(line: str) -> list[str]:
    """Cut a line where a typing hand pauses: after each word."""
    words = line.split(" ")
    return [word + (" " if number < len(words) - 1 else "") for number, word in enumerate(words)]
