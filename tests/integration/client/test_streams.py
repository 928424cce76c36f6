"""The client without its standard streams, and with values that only look like numbers."""

import subprocess

import pytest

from tests.support.nightjar import COMMAND, Person


def run(person: Person, redirection: str, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Run a command from a shell that closes one of its streams."""
    argv = ["sh", "-c", f'exec "$@" {redirection}', "sh", *COMMAND, *arguments]
    return subprocess.run(argv, env=person.environment, input=b"", capture_output=True, timeout=60, check=False)


@pytest.mark.parametrize("command", ["history", "whoami", "conversations", "unread", "sessions", "--help"])
def test_without_standard_output_a_command_does_its_work_in_silence(alice: Person, command: str) -> None:
    done = run(alice, ">&-", command, *([alice.name] if command == "history" else []))
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_message_that_is_stored_is_no_failure_because_nobody_reads_its_number(alice: Person) -> None:
    done = run(alice, ">&-", "send", alice.name, "into the dark")
    assert (done.returncode, done.stderr) == (0, b"")
    assert [message["body"] for message in alice.objects("history", alice.name)] == ["into the dark"]


def test_without_standard_input_there_is_nothing_to_send(alice: Person) -> None:
    done = run(alice, "<&-", "send", alice.name)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_without_standard_error_an_error_is_still_the_status(alice: Person) -> None:
    assert run(alice, "2>&-", "send", "nobody-there", "x").returncode == 3


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", "http://127.0.0.1:0", "http://[::1", "http://h:x"])
def test_a_server_that_cannot_be_one_is_wrong_usage(alice: Person, url: str) -> None:
    assert "http" in alice.fails("--server", url, "whoami", status=2)
    elsewhere = Person(alice.name, {**alice.environment, "NIGHTJAR_SERVER": url})
    assert elsewhere.fails("whoami", status=2).startswith("NIGHTJAR_SERVER: ")


def test_no_number_of_seconds_is_wrong_usage(alice: Person) -> None:
    for seconds in ("nan", "inf", "-1", "soon"):
        alice.fails("send", alice.name, "x", "--timeout", seconds, status=2)
