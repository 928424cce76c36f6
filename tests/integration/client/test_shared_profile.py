"""Several commands of one profile at once: one device, one connection, one login."""

import signal
import sys
from concurrent.futures import ThreadPoolExecutor

from tests.support.nightjar import Person, Running
from tests.support.stack import RunningStack


def connections(stack: RunningStack, person: Person) -> int:
    """Count how often the broker let the profile's device in."""
    client_id = person.login()["mqtt"]["client_id"]
    return sum(f" as {client_id} " in line for line in stack.broker.log.splitlines() if "New client connected" in line)


def bodies(running: Running) -> list[str]:
    """List the texts that a tail has shown."""
    return [line.partition(": ")[2] for line in running.out]


def test_send_goes_through_the_connection_of_a_running_tail(
    shared_stack: RunningStack, alice: Person, bob: Person
) -> None:
    with alice.running("tail") as tail:
        bob.run("send", alice.name, "first")
        tail.wait_for_line("first")
        before = connections(shared_stack, alice)
        for number in range(3):
            alice.run("send", bob.name, f"m{number}")
        tail.wait_for_line("m2")
        assert connections(shared_stack, alice) == before
        assert bodies(tail) == ["first", "m0", "m1", "m2"]
        assert tail.err == []


def test_every_tail_of_a_profile_shows_everything(alice: Person, bob: Person) -> None:
    with alice.running("tail") as one, alice.running("tail") as two, alice.running("tail", "--json") as three:
        alice.wait_until_running(3)
        bob.run("send", alice.name, "to all of you")
        for tail in (one, two, three):
            tail.wait_for_line("to all of you")
        assert [len(tail.out) for tail in (one, two, three)] == [1, 1, 1]


def test_when_the_owner_of_the_connection_is_killed_another_takes_over(alice: Person, bob: Person) -> None:
    with alice.running("tail") as owner:
        bob.run("send", alice.name, "m0")
        owner.wait_for_line("m0")
        with alice.running("tail") as heir:
            alice.wait_until_running(2)
            alice.run("send", bob.name, "m1")
            owner.wait_for_line("m1")
            heir.wait_for_line("m1")
            owner.process.kill()
            bob.run("send", alice.name, "m2")
            heir.wait_for_line("m2")
            alice.run("send", bob.name, "m3")
            heir.wait_for_line("m3")
            assert bodies(heir) == ["m1", "m2", "m3"]


def test_many_sends_at_once_are_all_stored_once(alice: Person, bob: Person) -> None:
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda number: alice.run("send", bob.name, f"m{number}", timeout=90), range(12)))
    assert all(process.returncode == 0 for process in done)
    stored = [message["body"] for message in bob.objects("history", alice.name)]
    assert sorted(stored) == sorted(f"m{number}" for number in range(12))


def test_commands_that_refresh_the_login_at_once_never_end_it(alice: Person) -> None:
    """Every access token has run out, the rotated refresh token is good once: six processes, three rounds."""
    for _ in range(3):
        alice.change_login(lambda login: login.update(access_ends_at=0.0))
        with ThreadPoolExecutor(6) as pool:
            done = list(pool.map(lambda _: alice.run("whoami"), range(6)))
        assert all(process.returncode == 0 for process in done)


def test_an_access_token_that_the_server_refuses_is_replaced(alice: Person) -> None:
    alice.change_login(lambda login: login.update(access_token="nonsense", access_ends_at=4e9))
    before = alice.login()["refresh_token"]
    alice.run("whoami")
    assert alice.login()["refresh_token"] != before


def test_mqtt_credentials_that_the_broker_refuses_are_replaced(alice: Person, bob: Person) -> None:
    alice.change_login(lambda login: login["mqtt"].update(password="nonsense", ends_at=4e9))
    alice.run("send", bob.name, "x")
    assert alice.login()["mqtt"]["password"] != "nonsense"


def test_a_waiting_process_is_woken_and_does_not_poll(alice: Person, bob: Person) -> None:
    """A tail that owns nothing shows what the owner received, and neither would look by itself in the next minute."""
    hourly = "import mqtt_client.wakeup as w, mqtt_client.__main__ as m; w._POLL_SECONDS = 3600; exit(m.main())"
    patient = (sys.executable, "-c", hourly)
    with alice.running("tail", program=patient) as one, alice.running("tail", program=patient) as two:
        alice.wait_until_running(2)
        bob.run("send", alice.name, "m")
        one.wait_for_line("m")
        two.wait_for_line("m", timeout=30)
        one.end()
        two.end()
    assert list((alice.directory / "wake").iterdir()) == []


def test_pipes_of_dead_processes_are_swept_away(alice: Person, bob: Person) -> None:
    with alice.running("tail") as tail:
        bob.run("send", alice.name, "m")
        tail.wait_for_line("m")
        tail.process.kill()
    assert len(list((alice.directory / "wake").glob("*.pipe"))) == 1
    alice.run("send", bob.name, "m")
    assert list((alice.directory / "wake").iterdir()) == []


def test_an_owner_that_is_stopped_holds_nobody_up_and_goes_on_afterwards(alice: Person, bob: Person) -> None:
    """Ctrl-Z on a tail, then a send: the connection is taken from the tail, and not fought over afterwards."""
    with alice.running("tail") as stopped:
        bob.run("send", alice.name, "m0")
        stopped.wait_for_line("m0")
        stopped.process.send_signal(signal.SIGTSTP)
        with alice.running("tail") as other:
            alice.run("send", bob.name, "m1", "--timeout", "30")
            other.wait_for_line("m1")
            stopped.process.send_signal(signal.SIGCONT)
            stopped.wait_for_line("m1")
            bob.run("send", alice.name, "m2")
            other.wait_for_line("m2")
            stopped.wait_for_line("m2")
            assert bodies(stopped) == ["m0", "m1", "m2"]
            assert stopped.err == other.err == []
            assert stopped.end() == 0
