"""Accounts on the command line: what is printed, kept on disk, asked for, and how it ends."""

import os
import pty
import select
import shutil
import signal
import sqlite3
import stat
import subprocess
import time
from contextlib import closing
from pathlib import Path

from tests.integration.client.conftest import NewPerson
from tests.support.nightjar import COMMAND, PASSWORD, Person, new_person
from tests.support.stack import RunningStack, wait_for

LINE = f"{PASSWORD}\n".encode()


def test_register_logs_in_and_says_so(shared_stack: RunningStack, tmp_path: Path) -> None:
    person = new_person(shared_stack.server, tmp_path)
    said = person.out("register", person.name, "--display-name", "Zoë", "--password-stdin", stdin=LINE)
    assert said.startswith(f"registered and logged in as {person.name} at {shared_stack.server} (device ")
    assert person.out("whoami").startswith(f"{person.name} (Zoë) at {shared_stack.server}, device ")
    (me,) = person.objects("whoami")
    assert (me["username"], me["display_name"], me["device"]["id"]) == (person.name, "Zoë", person.login()["device_id"])


def test_only_their_owner_can_read_what_a_profile_keeps(alice: Person, bob: Person) -> None:
    alice.run("send", bob.name, "x")
    for path in (alice.directory, *alice.directory.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert PASSWORD not in (alice.directory / "credentials.json").read_text()


def test_a_wrong_password_ends_with_1_and_no_login_with_5(alice: Person) -> None:
    assert alice.fails("login", alice.name, "--password-stdin", stdin=b"wrong password\n", status=1)
    alice.run("whoami")
    assert alice.out("logout") == f"logged out {alice.name}\n"
    for command in (["whoami"], ["logout"], ["send", "bob", "x"], ["tail"], ["history", "bob"], ["sessions"]):
        assert alice.fails(*command, status=5) == "not logged in: run `nightjar login USER`"
    alice.run("login", alice.name, "--password-stdin", stdin=LINE)
    alice.run("whoami")


def test_a_name_that_is_taken_or_no_username_and_a_weak_password_are_refused(alice: Person) -> None:
    assert alice.fails("register", alice.name, "--password-stdin", stdin=LINE, status=1)
    assert "password" in alice.fails("register", "somebody-new", "--password-stdin", stdin=b"short\n", status=1)
    for name in ("Bob", "b", "../etc", "a\x1bb", "+", "é" * 5):
        assert "no username" in alice.fails("register", name, "--password-stdin", stdin=LINE, status=2)
    alice.run("whoami")


def test_a_password_is_never_taken_from_nowhere(alice: Person) -> None:
    for wrong in (b"", b"\n", b"\xff\n", b"x" * 5000):
        alice.fails("login", alice.name, "--password-stdin", stdin=wrong, status=2)
    done = subprocess.run(
        [*COMMAND, "login", alice.name], env=alice.environment, capture_output=True, start_new_session=True, check=False
    )
    assert done.returncode == 2
    assert b"use --password-stdin" in done.stderr


def test_passwords_are_asked_for_without_echo_and_twice_for_a_new_one(
    shared_stack: RunningStack, tmp_path: Path
) -> None:
    person = new_person(shared_stack.server, tmp_path)
    screen = on_a_terminal(person, ["register", person.name], [PASSWORD, PASSWORD])
    assert PASSWORD not in screen
    assert screen.count("Password") == 2
    assert "registered and logged in" in screen
    screen = on_a_terminal(person, ["login", person.name], [PASSWORD])
    assert PASSWORD not in screen
    assert "logged in as" in screen
    assert "differ" in on_a_terminal(person, ["register", "another-one"], [PASSWORD, "something else"])


def test_sessions_are_listed_and_ended(alice: Person, tmp_path: Path) -> None:
    elsewhere = alice.elsewhere(tmp_path / "elsewhere")
    third = alice.elsewhere(tmp_path / "third")
    listed = {entry["id"]: entry for entry in alice.objects("sessions")}
    mine, others = alice.login()["device_id"], {person.login()["device_id"] for person in (elsewhere, third)}
    assert set(listed) == {mine, *others}
    assert [id_ for id_, entry in listed.items() if entry["current"]] == [mine]
    assert len(alice.out("sessions").splitlines()) == 3
    assert alice.out("sessions", "--end", third.login()["device_id"]).startswith("ended ")
    assert "has ended" in third.fails("whoami", status=5)
    alice.run("sessions", "--end-others")
    assert "has ended" in elsewhere.fails("send", alice.name, "x", status=4)
    assert len(alice.objects("sessions")) == 1
    alice.fails("sessions", "--end", "zzzzzzzzzz", status=1)
    alice.fails("sessions", "--end", "../me", status=2)
    alice.run("sessions", "--end", mine)
    alice.fails("whoami", status=5)


def test_a_tail_whose_session_is_ended_says_so_and_ends_with_5(alice: Person, bob: Person, tmp_path: Path) -> None:
    elsewhere = alice.elsewhere(tmp_path / "elsewhere")
    with elsewhere.running("tail") as owner, elsewhere.running("tail") as other:
        elsewhere.wait_until_running(2)
        bob.run("send", alice.name, "x")
        owner.wait_for_line("x")
        other.wait_for_line("x")
        alice.run("sessions", "--end-others")
        assert owner.wait() == 5
        assert other.wait() == 5
        for tail in (owner, other):
            assert "log" in tail.err[-1]
            assert not any("Traceback" in line for line in tail.err)


def test_a_new_login_ends_the_one_the_profile_had(alice: Person) -> None:
    before = alice.login()["device_id"]
    with alice.running("tail") as tail:
        alice.wait_until_running(1)
        alice.run("login", alice.name, "--password-stdin", stdin=LINE)
        assert tail.wait() == 5
    assert [entry["id"] for entry in alice.objects("sessions")] == [alice.login()["device_id"]]
    assert alice.login()["device_id"] != before


def test_a_new_login_ends_the_one_the_profile_had_even_if_its_access_token_has_run_out(alice: Person) -> None:
    alice.change_login(lambda login: login.update(access_token="run-out"))
    alice.run("login", alice.name, "--password-stdin", stdin=LINE)
    assert [entry["id"] for entry in alice.objects("sessions")] == [alice.login()["device_id"]]


def test_a_tail_ends_when_somebody_else_logs_in_on_its_profile(alice: Person, bob: Person) -> None:
    """Even if the old session cannot be ended at the server: the connection belongs to the new login."""
    other = Person(bob.name, alice.environment)
    with alice.running("tail") as owner, alice.running("tail") as waiting:
        alice.wait_until_running(2)
        alice.run("send", alice.name, "x")
        owner.wait_for_line("x")
        waiting.wait_for_line("x")
        with owner.frozen(), waiting.frozen():  # or they would try the spoiled tokens themselves
            alice.change_login(lambda login: login.update(access_token="gone", refresh_token="gone"))
            other.run("login", bob.name, "--password-stdin", stdin=LINE)
        for tail in (owner, waiting):
            assert tail.wait() == 5
            assert tail.err == [f"nightjar: this profile has logged in as {bob.name} meanwhile: start again"]
        other.run("send", alice.name, "the connection is free")


def test_a_changed_password_is_the_one_that_counts(alice: Person, tmp_path: Path) -> None:
    elsewhere = alice.elsewhere(tmp_path / "elsewhere")
    new = b"another good passphrase\n"
    assert alice.fails("password", "--password-stdin", stdin=b"wrong one\n" + new, status=1)
    alice.run("password", "--password-stdin", stdin=LINE + new)
    alice.run("whoami")
    alice.run("send", alice.name, "still here")
    elsewhere.fails("whoami", status=5)
    alice.fails("login", alice.name, "--password-stdin", stdin=LINE, status=1)
    alice.run("login", alice.name, "--password-stdin", stdin=new)


def test_a_deleted_account_is_gone_here_and_there(alice: Person, bob: Person) -> None:
    assert "--yes" in alice.fails("delete-account", "--password-stdin", stdin=LINE, status=2)
    assert alice.fails("delete-account", "--yes", "--password-stdin", stdin=b"wrong one\n", status=1)
    alice.run("delete-account", "--yes", "--password-stdin", stdin=LINE)
    alice.fails("whoami", status=5)
    assert not list(alice.directory.glob("*.db*"))
    alice.fails("login", alice.name, "--password-stdin", stdin=LINE, status=1)
    assert bob.fails("send", alice.name, "x", status=3).endswith("unknown_recipient")


def test_options_stand_before_and_after_and_profiles_are_apart(registered: NewPerson) -> None:
    person = registered()
    server = person.environment["NIGHTJAR_SERVER"]
    assert person.fails("--profile", "other", "whoami", status=5)
    assert person.fails("whoami", "--profile", "other", status=5)
    assert person.run("--json", "whoami").stdout.startswith(b"{")
    assert person.run("--server", server, "whoami", "--profile", "default", "--json").stdout.startswith(b"{")
    assert "is logged in at" in person.fails("whoami", "--server", "http://127.0.0.1:1", status=5)
    without = Person(person.name, {key: value for key, value in person.environment.items() if key != "NIGHTJAR_SERVER"})
    without.run("whoami")
    without.run("login", person.name, "--password-stdin", stdin=LINE)


def test_usage_errors_end_with_2_and_help_with_0(alice: Person) -> None:
    for wrong in (
        ["nonsense"],
        ["send"],
        ["history"],
        ["history", alice.name, "-n", "0"],
        ["history", alice.name, "--before", "x"],
        ["send", alice.name, "a", "b"],
        ["send", alice.name, "a", "--timeout", "soon"],
        ["--server", "ftp://h", "whoami"],
        ["--profile", "../x", "whoami"],
        ["sessions", "--end", "a", "--end-others"],
        ["tail", "#team"],
        ["tail", "NOBODY"],
    ):
        alice.fails(*wrong, status=2)
    assert "needs a terminal" in alice.fails(status=2)
    assert "send" in alice.out("--help")
    assert "Usage" in alice.out("send", "--help")
    assert alice.out("--version")


def test_ctrl_c_while_a_message_waits_keeps_it_in_the_outbox(alice: Person) -> None:
    wrong_port = alice.login()["mqtt"]["port"]
    alice.change_login(lambda login: login["mqtt"].update(port=1, ends_at=time.time() + 1000))
    with alice.running("send", alice.name, "x", "--timeout", "60") as send:
        alice.wait_until_running(1)
        wait_for(lambda: outbox(alice) == 1, "it is in the outbox")
        assert send.end(signal.SIGINT) == 4
        assert "stays in the outbox" in send.err[-1]
    alice.change_login(lambda login: login["mqtt"].update(port=wrong_port))
    alice.run("send", alice.name, "y")
    assert [message["body"] for message in alice.objects("history", alice.name)] == ["x", "y"]


def outbox(person: Person) -> int:
    """Count what waits, behind the client's back."""
    (path,) = person.directory.glob("*.db")
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        (count,) = connection.execute("SELECT count(*) FROM outbox").fetchone()
        return int(count)
    finally:
        connection.close()


def on_a_terminal(person: Person, arguments: list[str], typed: list[str]) -> str:
    """Run a command on a terminal of its own and type a line at each prompt; return what the screen showed."""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(COMMAND[0], [*COMMAND, *arguments], person.environment)  # noqa: S606  # that is the point
    shown, answers, prompts = b"", list(typed), 0
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                data = os.read(terminal, 4096)
            except OSError:
                break
            if not data:
                break
            shown += data
        if shown.count(b": ") > prompts and answers:
            prompts = shown.count(b": ")
            os.write(terminal, f"{answers.pop(0)}\n".encode())
    os.waitpid(child, 0)
    os.close(terminal)
    return shown.decode()


def cursor(person: Person) -> int:
    """Say how far a profile has shown everything."""
    (path,) = person.directory.glob("*.db")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
        (seq,) = store.execute("SELECT seq FROM cursors WHERE scope = '*'").fetchone()
        return int(seq)


def set_cursor(store: Path, seq: int) -> None:
    """Move all that a store has shown far ahead, as if the server had had that many messages."""
    with closing(sqlite3.connect(store)) as database, database:
        database.execute("UPDATE cursors SET seq = ?", (seq,))


def leave_in_the_outbox(person: Person, to: str, text: str) -> None:
    """Send something that cannot reach the broker; a login afterwards knows where that is."""
    person.change_login(lambda login: login["mqtt"].update(port=1, ends_at=time.time() + 1000))
    person.fails("send", to, text, "--timeout", "0.5", status=4)


def test_a_server_that_was_set_up_anew_is_read_though_its_numbers_are_lower(
    alice: Person, bob: Person, tmp_path: Path
) -> None:
    """Whoever registers or logs in at it again sees its messages, though their profile has seen higher numbers."""
    (store,) = alice.directory.glob("*.db")
    bob.run("send", alice.name, "before the login")
    set_cursor(store, 10**9)
    alice.run("login", alice.name, "--password-stdin", stdin=LINE)
    carol = new_person(bob.environment["NIGHTJAR_SERVER"], tmp_path)
    carol.directory.mkdir(parents=True)
    shutil.copy(store, carol.directory / store.name.replace(alice.name, carol.name))
    set_cursor(carol.directory / store.name.replace(alice.name, carol.name), 10**9)
    carol.register()
    for reader in (alice, carol):
        bob.run("send", reader.name, "after the login")
        with reader.running("tail") as tail:
            tail.wait_for_line("after the login")
            assert not any("before the login" in line for line in tail.out)


def test_who_blocks_somebody_and_logs_in_again_is_told_no_history_as_news(
    registered: NewPerson, alice: Person, bob: Person, tmp_path: Path
) -> None:
    """What is hidden moves the cursor beyond the newest message that they may read."""
    bob.run("send", alice.name, "history")
    there, carol = alice.elsewhere(tmp_path / "elsewhere"), registered()
    there.run("block", carol.name)
    hidden = carol.objects("send", alice.name, "hidden")[0]["seq"]
    with there.running("tail"):
        wait_for(lambda: cursor(there) >= hidden, "what is hidden is passed")
    there.run("login", alice.name, "--password-stdin", stdin=LINE)
    bob.run("send", alice.name, "news")
    with there.running("tail") as tail:
        tail.wait_for_line("news")
        assert [line.partition(": ")[2] for line in tail.out] == ["news"]


def test_what_a_former_account_of_the_name_left_is_sent_after_a_registration(
    alice: Person, bob: Person, tmp_path: Path
) -> None:
    """As after a restore from a backup that was made before the account was."""
    leave_in_the_outbox(alice, bob.name, "left behind")
    (store,) = alice.directory.glob("*.db")
    carol = new_person(bob.environment["NIGHTJAR_SERVER"], tmp_path)
    carol.directory.mkdir(parents=True)
    shutil.copy(store, carol.directory / store.name.replace(alice.name, carol.name))
    registered = carol.run("register", carol.name, "--password-stdin", stdin=LINE)
    assert registered.stderr == b"nightjar: left in the outbox by earlier commands: 1 sent late\n"
    assert [message["body"] for message in bob.objects("history", carol.name)] == ["left behind"]


def test_a_login_under_another_url_of_the_server_names_what_waits_under_the_first(alice: Person, bob: Person) -> None:
    leave_in_the_outbox(alice, bob.name, "under the first")
    first = alice.environment["NIGHTJAR_SERVER"]
    second = first.replace("127.0.0.1", "localhost")
    there = alice.run("login", alice.name, "--server", second, "--password-stdin", stdin=LINE)
    assert there.stderr.decode() == (
        f"nightjar: 1 unsent by {alice.name} in this profile, for another server URL: "
        f"sent when {alice.name} logs in with that --server again\n"
    )
    back = alice.run("login", alice.name, "--server", first, "--password-stdin", stdin=LINE)
    assert back.stderr == b"nightjar: left in the outbox by earlier commands: 1 sent late\n"
    assert [message["body"] for message in bob.objects("history", alice.name)] == ["under the first"]
    assert alice.run("login", alice.name, "--server", second, "--password-stdin", stdin=LINE).stderr == b""
