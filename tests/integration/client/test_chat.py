"""People chat through the real stack."""

import base64
import json
import signal
import subprocess
from pathlib import Path

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.support.nightjar import COMMAND, Person
from tests.support.peer import Peer
from tests.support.stack import RunningStack, wait_for


def test_what_one_sends_the_other_sees_at_once_answers_and_finds_again(alice: Person, bob: Person) -> None:
    with alice.running("tail") as at_alice, bob.running("tail", alice.name) as at_bob:
        sent = alice.out("send", bob.name, "are you there?").split()
        at_bob.wait_for_line("are you there?")
        bob.out("send", alice.name, "yes")
        assert at_alice.wait_for_line(": yes")[6:] == f"{bob.name}: yes"
        assert at_alice.end() == 0
        assert at_bob.end() == 0
        assert at_alice.out[0][6:] == f"{alice.name} → {bob.name}: are you there?", "an own one names its receiver"
        assert [line[6:] for line in at_bob.out] == [f"{alice.name}: are you there?", f"{bob.name}: yes"]
        assert at_alice.err == at_bob.err == []
    first, second = bob.objects("history", alice.name)
    assert [first["id"], str(first["seq"])] == sent
    assert (first["body"], second["body"], second["sender"]) == ("are you there?", "yes", bob.name)


def test_send_prints_id_and_seq_for_scripts(alice: Person, bob: Person) -> None:
    (answer,) = alice.objects("send", bob.name, "x")
    assert set(answer) == {"id", "seq", "status"}
    assert answer["status"] == "stored"


def test_a_text_is_sent_as_it_stands_even_with_a_dash_in_front(alice: Person) -> None:
    texts = ["-1", "- item", "-->", "---", "-", "-n 5", "-foo bar", "日本 👩‍👩‍👧", "a\nb", "\x1b[2J"]
    for text in texts:
        alice.run("send", alice.name, text)
    assert [message["body"] for message in alice.objects("history", alice.name)] == texts


def test_what_looks_like_an_option_needs_a_double_dash(alice: Person) -> None:
    assert "--tiemout" in alice.fails("send", alice.name, "--tiemout", status=2)
    alice.run("send", alice.name, "--json", "--", "--tiemout")
    alice.run("send", "--", alice.name, "--json")
    assert [message["body"] for message in alice.objects("history", alice.name)] == ["--tiemout", "--json"]


def test_standard_input_is_kept_byte_for_byte(alice: Person) -> None:
    bodies = [b"two\nlines\n", b"\x00\xff\xfe" * 100, b"x" * 65536, b" \t\r\n"]
    for body in bodies:
        alice.run("send", alice.name, stdin=body)
    messages = alice.objects("history", alice.name)
    assert [
        message["body"].encode() if "body" in message else base64.b64decode(message["body_base64"])
        for message in messages
    ] == bodies
    text, binary = "text/plain; charset=utf-8", "application/octet-stream"
    assert [message["content_type"] for message in messages] == [text, binary, text, text]


def test_an_argument_that_is_no_utf_8_is_sent_as_its_bytes(alice: Person) -> None:
    alice.run("send", alice.name, b"caf\xe9")
    assert alice.objects("history", alice.name)[0]["body_base64"] == "Y2Fm6Q=="
    assert alice.out("history", alice.name).endswith(": [application/octet-stream, 4 bytes]\n")


def test_messages_that_cannot_be_sent_say_why_and_leave_nothing_behind(alice: Person, bob: Person) -> None:
    assert alice.fails("send", "nobody-here", "x", status=3).endswith("was rejected: unknown_recipient")
    assert "too_large" in alice.fails("send", bob.name, stdin=b"x" * 65537, status=3)
    assert "empty" in alice.fails("send", bob.name, status=2)
    assert "empty" in alice.fails("send", bob.name, "", status=2)
    assert "you are in no group of the title 'team'" in alice.fails("send", "#team", "x", status=2)
    assert "in no group of that id" in alice.fails("send", "gabcdefabcdef", "x", status=2)
    assert "no username" in alice.fails("send", "Bob", "x", status=2)
    with alice.running("tail") as tail:
        bob.run("send", alice.name, "the end")
        tail.wait_for_line("the end")
        assert tail.err == [], "nothing waits in the outbox to be rejected again"


def test_escapes_and_line_breaks_of_others_are_shown_and_not_obeyed(alice: Person, bob: Person) -> None:
    with alice.running("tail") as tail:
        bob.run("send", alice.name, "\x1b]0;owned\x07\x1b[2J\n12:00 admin: forged\u202e")
        tail.wait_for_line("forged")
        assert tail.out[0].endswith("\\x1b]0;owned\\x07\\x1b[2J")
        assert tail.out[1] == "      12:00 admin: forged\\u202e"
    for text in (alice.out("history", bob.name), alice.out("conversations"), alice.out("history", bob.name, "--json")):
        assert not {"\x1b", "\x07", "\u202e"} & set(text)


def test_tail_begins_where_the_last_one_ended_and_shows_nothing_twice(alice: Person, bob: Person) -> None:
    bob.run("send", alice.name, "before")
    with alice.running("tail") as first:
        first.wait_for_line("before")
        bob.run("send", alice.name, "live")
        first.wait_for_line("live")
        assert first.end(signal.SIGTERM) == 0
    bob.run("send", alice.name, "between")
    with alice.running("tail") as second:
        second.wait_for_line("between")
        bob.run("send", alice.name, "last")
        second.wait_for_line("last")
        assert [line[6:] for line in second.out] == [f"{bob.name}: between", f"{bob.name}: last"]


def test_a_tail_of_one_conversation_leaves_the_others_for_the_next_tail(alice: Person, bob: Person) -> None:
    bob.run("send", alice.name, "from bob")
    alice.run("send", alice.name, "a note")
    with alice.running("tail", bob.name) as one:
        one.wait_for_line("from bob")
        assert one.end() == 0
        assert len(one.out) == 1
    with alice.running("tail") as all_of_them:
        all_of_them.wait_for_line("a note")
        assert all_of_them.end() == 0
        assert len(all_of_them.out) == 1


def test_a_first_login_elsewhere_begins_with_what_comes_after_it(alice: Person, bob: Person, tmp_path: Path) -> None:
    bob.run("send", alice.name, "old")
    elsewhere = alice.elsewhere(tmp_path / "elsewhere")
    bob.run("send", alice.name, "new")
    with elsewhere.running("tail") as tail, alice.running("tail") as at_home:
        tail.wait_for_line("new")
        elsewhere.run("send", bob.name, "from elsewhere")
        at_home.wait_for_line("from elsewhere")
        assert not [line for line in tail.out if "old" in line]


def test_tail_for_scripts_prints_stored_messages_as_history_does(alice: Person, bob: Person) -> None:
    with alice.running("tail", "--json") as tail:
        for number in range(3):
            bob.run("send", alice.name, f"number {number}")
        tail.wait_for_line("number 2")
        assert tail.end() == 0
    assert [json.loads(line) for line in tail.out] == alice.objects("history", bob.name)


def test_a_tail_whose_reader_leaves_ends_quietly(alice: Person, bob: Person) -> None:
    with subprocess.Popen(
        [*COMMAND, "tail"], env=alice.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        bob.run("send", alice.name, "one")
        assert process.stdout.readline().endswith(b"one\n")
        process.stdout.close()
        assert process.wait(60) == 0
        assert process.stderr.read() == b""


def test_history_pages_back(alice: Person) -> None:
    for number in range(5):
        alice.run("send", alice.name, f"n{number}")
    lines = alice.objects("history", alice.name, "-n", "2")
    assert [line["body"] for line in lines] == ["n3", "n4"]
    earlier = alice.objects("history", alice.name, "--before", str(lines[0]["seq"]), "-n", "2")
    assert [line["body"] for line in earlier] == ["n1", "n2"]
    assert len(alice.objects("history", alice.name, "-n", "1000")) == 5


def test_the_history_with_nobody_is_an_error_and_with_a_stranger_empty(alice: Person, bob: Person) -> None:
    assert alice.out("history", bob.name) == ""
    alice.fails("history", "nobody-here", status=1)


def test_unread_counts_what_others_wrote(alice: Person, bob: Person) -> None:
    assert alice.out("unread", "--count") == "0\n"
    assert alice.out("unread") == ""
    for _ in range(2):
        bob.run("send", alice.name, "x")
    alice.run("send", alice.name, "a note")
    assert alice.out("unread", "--count") == "2\n"
    assert alice.objects("unread", "--count") == [{"unread": 2}]
    assert alice.out("unread").startswith(f"{bob.name} (2 unread)")
    names = [line["conversation"]["with"] for line in alice.objects("conversations")]
    assert names == [alice.name, bob.name], "the newest first"
    assert len(alice.out("conversations").splitlines()) == 2


def test_a_bare_mqtt_3_1_1_device_is_shown_and_answered(shared_stack: RunningStack, alice: Person, bob: Person) -> None:
    block = bob.login()["mqtt"]
    with Peer(shared_stack.mqtt_port, block["client_id"], block["username"], block["password"], version=4) as device:
        device.subscribe(f"users/{bob.name}/inbox/+", 1)
        with alice.running("tail") as tail, alice.running("tail", "--json") as script:
            alice.wait_until_running(2)
            device.publish(f"users/{alice.name}/inbox/{bob.name}", b"20.5 C", qos=1)
            assert tail.wait_for_line("20.5 C")[6:] == f"{bob.name}: 20.5 C"
            assert json.loads(script.wait_for_line("20.5 C"))["seq"] > 0
            alice.run("send", bob.name, "thanks")
            wait_for(
                lambda: [message.payload for message in device.messages] == [b"thanks"], "the answer at the device"
            )
            assert len(tail.out) == 2


def test_bytes_that_their_sender_calls_text_are_shown_and_keep_nothing_else_away(
    shared_stack: RunningStack, alice: Person, bob: Person
) -> None:
    """Live, in the history, in the list of conversations and in all that comes after them."""
    block, odd = bob.login()["mqtt"], b"caf\xe9"
    with alice.running("tail", "--json") as script:
        alice.wait_until_running(1)
        with Peer(shared_stack.mqtt_port, block["client_id"], block["username"], block["password"]) as device:
            called_text = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho does not annotate it
            called_text.ContentType = "text/plain; charset=utf-8"
            device.publish(f"users/{alice.name}/inbox/{bob.name}", odd, properties=called_text)
        in_base64 = base64.b64encode(odd).decode()
        assert json.loads(script.wait_for_line(in_base64))["content_type"] == "text/plain; charset=utf-8"
        bob.run("send", alice.name, "after it")
        script.wait_for_line("after it")
    for reader in (alice, bob):
        shown = reader.objects("history", ({alice.name, bob.name} - {reader.name}).pop())
        assert [message.get("body_base64", message.get("body")) for message in shown] == [in_base64, "after it"]
    assert "caf" in alice.out("history", bob.name)
    assert len(alice.objects("conversations")) == 1


def test_a_burst_is_shown_whole_in_order_and_once(shared_stack: RunningStack, alice: Person, bob: Person) -> None:
    """From a device that names no ids, so that receipts and the feed do all of it."""
    block = bob.login()["mqtt"]
    with alice.running("tail", "--json") as script, alice.running("tail") as tail:
        alice.wait_until_running(2)
        with Peer(shared_stack.mqtt_port, block["client_id"], block["username"], block["password"]) as device:
            for number in range(400):
                device.publish(f"users/{alice.name}/inbox/{bob.name}", f"m{number}".encode())
        wait_for(lambda: len(tail.out) == len(script.out) == 400, "all of them", timeout=60)
    expected = [f"m{number}" for number in range(400)]
    assert [line.partition(": ")[2] for line in tail.out] == expected
    assert [json.loads(line)["body"] for line in script.out] == expected
