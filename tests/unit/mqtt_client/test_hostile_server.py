"""A server that answers nonsense, too much, or not at all: one line, an exit status, no traceback.

The server here is a socket that says what the test tells it to; the real one is met in the integration tests.
"""

import json
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mqtt_client.api import Api
from mqtt_client.commands.main import run_command_line
from mqtt_client.credentials import Credentials
from mqtt_client.errors import ApiError
from mqtt_client.profile import open_profile
from mqtt_client.reading import feed_page
from mqtt_client.transport import Transport

Serve = Callable[..., str]
Run = Callable[..., tuple[int, str, str]]


def http(body: bytes | str, status: str = "200 OK", *headers: str, kind: str = "application/json") -> bytes:
    """Write an answer."""
    content = body if isinstance(body, bytes) else body.encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(content)}", "Connection: close"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + content


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that answers every request with the same bytes, or with one after the other."""
    listeners: list[socket.socket] = []

    def start(*answers: bytes) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threading.Thread(target=_answer, args=(listener, list(answers)), daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener in listeners:
        listener.close()


def _answer(listener: socket.socket, answers: list[bytes]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            try:
                connection.recv(65536)
                connection.sendall(answers.pop(0) if len(answers) > 1 else answers[0])
            except OSError:
                continue


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command in this process: exit status, output, errors."""
    for name in ("DATA", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.delenv("NIGHTJAR_SERVER", raising=False)
    monkeypatch.delenv("NIGHTJAR_PROFILE", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        status = run_command_line(list(arguments))
        return status, *capfd.readouterr()

    return run


def log_in(server: str) -> None:
    """Leave a login on disk whose access token holds."""
    mqtt = {"host": "127.0.0.1", "port": 1, "tls": False, "username": "alice", "password": "x",
            "client_id": "alice.abcdefghij", "expires_at": "2026-01-31T12:00:00Z",
            "ends_at": time.time() + 1000}  # fmt: skip
    login = {"server": server, "username": "alice", "device_id": "abcdefghij", "device_name": None,
             "access_token": "a", "access_ends_at": time.time() + 1000, "refresh_token": "r", "mqtt": mqtt}  # fmt: skip
    open_profile("default").save(Credentials.model_validate(login))


def a_message(**changes: Any) -> dict[str, Any]:
    """Make a message as REST gives it, but for the changes."""
    message = {"id": "0190a3c4-0000-7000-8000-000000000001", "seq": 1,
               "conversation": {"type": "direct", "with": "bob"}, "sender": "bob",
               "content_type": "text/plain; charset=utf-8", "body": "hi", "sent_at": "2026-01-31T12:00:00.000Z",
               "received_at": "2026-01-31T12:00:00.000Z"}  # fmt: skip
    return {**message, **changes}


def page(*messages: Any) -> bytes:
    """Make a page of them."""
    return http(json.dumps({"messages": messages, "has_more": False}))


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (http("<html>It works</html>", kind="text/html"), 1, "is no JSON"),
        (http("<html>Bad gateway</html>", "502 Bad Gateway"), 6, "HTTP status 502"),
        (http("oops", "500 Internal Server Error"), 1, "HTTP status 500"),
        (http("", "302 Found", "Location: https://elsewhere/"), 1, "give that URL as --server"),
        (http("", "302 Found", "Location: https://elsewhere/\x1b[2J"), 6, "Invalid URL"),
        (http("[" * 100_000), 1, "is no JSON"),
        (http("[]"), 1, "not as agreed"),
        (http("null"), 1, "not as agreed"),
        (http('{"messages": 5, "has_more": false}'), 1, "messages"),
        (http(b"\xff\xfe"), 1, "is no JSON"),
        (http(b"x", "200 OK", "Content-Encoding: gzip"), 1, "encoding"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort", 6, "out of reach"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", 6, "out of reach"),
        (b"", 6, "out of reach"),
        (http('{"title": "No", "detail": "red\\u001b[31m\\nline"}', "403 Forbidden"), 1, "red\\x1b[31m\\x0aline"),
        (http('{"title": 5, "errors": [1, {"field": []}]}', "422 Unprocessable"), 1, "HTTP status 422"),
        (http('{"detail": "slow down"}', "429 Too Many", "Retry-After: 7"), 1, "slow down; try again in 7 s"),
        (http('{"detail": "slow down"}', "429 Too Many", "Retry-After: \u0667"), 1, "slow down"),
        (page("no message"), 1, "not as agreed"),
        (page(a_message(seq="1")), 1, "seq"),
        (page(a_message(seq=-1)), 1, "seq"),
        (page(a_message(sender="../x")), 1, "sender"),
        (page(a_message(body=None, body_base64="!")), 1, "base64"),
        (page(a_message(sent_at="yesterday")), 1, "sent_at"),
        (page(a_message(sent_at="2026-01-01T00:00:00")), 1, "no time zone"),
        (page(a_message(conversation={"type": "telepathy"})), 1, "conversation"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_one_line(serve: Serve, run: Run, answer: bytes, status: int, said: str) -> None:
    log_in(serve(answer))
    ended, out, errors = run("history", "bob")
    assert ended == status, errors
    assert said in errors
    assert errors.count("\n") == 1
    assert not {"\x1b", "\x07"} & set(out + errors)


def test_an_answer_without_end_is_cut_off(serve: Serve, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mqtt_client.transport.ANSWER_MAX", 1000)
    log_in(serve(http("x" * 5000)))
    assert "too large" in run("history", "bob")[2]


def test_an_answer_that_trickles_in_is_given_up(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte every tenth of a second: no single read takes long."""
    monkeypatch.setattr("mqtt_client.transport.CALL_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_trickle, args=(listener,), daemon=True).start()
        log_in(f"http://127.0.0.1:{listener.getsockname()[1]}")
        begun = time.monotonic()
        status, _, errors = run("history", "bob")
        assert (status, "does not answer in time" in errors) == (6, True)
        assert time.monotonic() - begun < 20


def _trickle(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection, suppress(OSError):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(600):
            connection.sendall(b" ")
            time.sleep(0.1)


def test_a_lone_surrogate_and_an_unknown_relation_are_shown_somehow(serve: Serve, run: Run) -> None:
    log_in(serve(page(a_message(body="\ud800", relation="hologram"))))
    status, out, _ = run("history", "bob")
    assert (status, out.endswith("bob: [hologram] ?\n")) == (0, True)


def test_a_history_that_does_not_move_on_is_left(serve: Serve, run: Run) -> None:
    log_in(serve(http(json.dumps({"messages": [a_message()], "has_more": True}))))
    assert "does not move on" in run("history", "bob", "-n", "1000")[2]


async def test_a_feed_that_does_not_move_on_is_left(serve: Serve, run: Run) -> None:
    del run  # for its directories
    server = serve(http(json.dumps({"messages": [], "has_more": True, "next_after_seq": 7})))
    log_in(server)
    profile = open_profile("default")
    async with Transport(server) as transport:
        api = Api(transport, profile, profile.load())
        assert (await feed_page(api, 6)).next_after_seq == 7
        for after_seq in (7, 8):
            with pytest.raises(ApiError, match="does not move on"):
                await feed_page(api, after_seq)


def test_a_refresh_that_is_refused_ends_the_login_with_5(serve: Serve, run: Run) -> None:
    log_in(serve(http('{"title": "no"}', "401 Unauthorized")))
    assert run("whoami")[0] == 5
    status, _, errors = run("whoami")
    assert (status, "not logged in" in errors) == (5, True)


def test_a_refresh_whose_answer_was_lost_is_asked_again(serve: Serve, run: Run) -> None:
    """Within the 10 s in which the server returns the same successor."""
    refreshed = {
        "access_token": "a2", "token_type": "Bearer", "expires_in": 900, "refresh_token": "r2",
        "device": {"id": "abcdefghij", "name": None}, "user": {"username": "alice"},
        "mqtt": {"host": "h", "port": 1, "tls": False, "username": "alice", "password": "p",
                 "client_id": "alice.abcdefghij", "expires_at": "2030-01-31T12:00:00Z"},
    }  # fmt: skip
    unauthorized = http("{}", "401 Unauthorized")
    log_in(serve(unauthorized, b"", http(json.dumps(refreshed)), http('{"username": "alice"}')))
    assert run("whoami")[0] == 0
    assert open_profile("default").load().refresh_token.get_secret_value() == "r2"


def test_a_refresh_for_another_session_is_not_taken(serve: Serve, run: Run) -> None:
    log_in(serve(http("{}", "401 Unauthorized"), http('{"access_token": "a"}')))
    assert "not as agreed" in run("whoami")[2]
    assert open_profile("default").load().refresh_token.get_secret_value() == "r"


def test_nobody_there_a_bad_certificate_and_a_bad_name_are_out_of_reach(serve: Serve, run: Run) -> None:
    plain = serve(http("{}"))
    for server in ("http://127.0.0.1:1", plain.replace("http:", "https:"), "http://no-such-host.invalid"):
        log_in(server)
        status, _, errors = run("whoami")
        assert (status, "out of reach" in errors, errors.count("\n")) == (6, True, 1)


def test_what_cannot_be_read_or_written_says_how_to_mend_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in("http://127.0.0.1:1")
    profile = open_profile("default")
    store = profile.store_file("http://127.0.0.1:1", "alice")
    store.write_bytes(b"garbage" * 1000)
    status, _, errors = run("send", "bob", "x")
    assert (status, "move it away" in errors) == (1, True)
    store.unlink()
    store.mkdir()
    assert run("send", "bob", "x")[0] == 1
    profile.credentials_file.write_text("{")
    status, _, errors = run("whoami")
    assert (status, "nightjar login USER" in errors) == (5, True)
    profile.credentials_file.unlink()
    profile.credentials_file.mkdir()
    assert run("whoami")[0] == 1
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    assert run("whoami")[0] == 1


def test_a_full_disk_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real error of SQLite, from a store that may not grow."""
    log_in("http://127.0.0.1:1")
    connect = sqlite3.connect

    def cramped(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        connection.execute("PRAGMA max_page_count = 2")
        return connection

    monkeypatch.setattr(sqlite3, "connect", cramped)
    status, _, errors = run("send", "bob", "x")
    assert (status, "is full" in errors, errors.count("\n")) == (1, True, 1)
