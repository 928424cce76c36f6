"""Stored messages a second with one archiver, beside what the same broker gives to others.

Ten senders, each with a conversation of its own, publish at QoS 1 and receive their archive receipts. The ceilings:
the same broker and senders without the archiver, to one mosquitto_sub or to one plain loop over aiomqtt that subscribes
to the same, until the broker has read the last PUBACK.
"""

from collections.abc import Mapping, Sequence

from benchmarks.bench import Bench
from benchmarks.figure import Figure, Goal, Round, compare
from benchmarks.load.acknowledged import acknowledged
from benchmarks.load.receivers import mosquitto_sub, receive_with_aiomqtt
from benchmarks.load.runs import Run, run_load
from benchmarks.load.senders import Sending
from benchmarks.mqtt import Login
from benchmarks.stacks import LiveStack
from benchmarks.workers import Worker, new_counter
from wire.topics import inbox

_CONVERSATIONS = 10
_WINDOW = 1000
"""Messages that a sender is ahead of the proof of arrival; all together more than the archiver takes at once."""
Sender = tuple[Login, Sequence[str]]
_INBOXES = "users/+/inbox/+"


def measure(bench: Bench) -> list[Figure]:
    """Measure ours, then both ceilings, and again."""
    each = bench.scaled(15_000, 1500)
    with bench.stack() as stack:
        senders = conversations(stack, _CONVERSATIONS)
        run_load(Sending(stack.port, senders, 200, _WINDOW, receipts=True), {})  # the conversations are made

        def one_round() -> tuple[Run, Run, Run]:
            ours = _archived(stack, senders, each)
            with stack.without_archiver():
                runs = ours, _printed(stack, senders, each), _looped(stack, senders, each)
            rates = [f"{run.rate:,.0f}/s" for run in runs]
            bench.say(f"   archived {rates[0]}, mosquitto_sub {rates[1]}, aiomqtt {rates[2]}")
            return runs

        archived, printed, looped = zip(*bench.each_round(one_round), strict=True)
    return [
        _figure("stored messages/s, beside mosquitto_sub", "to one mosquitto_sub", archived, printed, Goal(0.6, 1.0)),
        _figure(
            "stored messages/s, beside aiomqtt", "bare aiomqtt receive and puback", archived, looped, Goal(0.5, 0.75)
        ),
    ]


def conversations(stack: LiveStack, count: int) -> list[Sender]:
    """Make pairs of users; returns the senders' logins and topics."""
    accounts = stack.accounts([f"{side}{number:04}" for side in ("sender", "reader") for number in range(count)])
    pairs = zip(accounts[:count], accounts[count:], strict=True)
    return [(sender.login, [inbox(reader.username, sender.username)]) for sender, reader in pairs]


def parts_of(stack: LiveStack, *names: str) -> Mapping[str, int]:
    """Name processes of a stack, for the CPU meter."""
    return {name: stack.pid(name) for name in names}


def _archived(stack: LiveStack, senders: Sequence[Sender], each: int) -> Run:
    job = Sending(stack.port, senders, each, _WINDOW, receipts=True)
    return run_load(job, parts_of(stack, "broker", "archiver", "postgres"))


def _printed(stack: LiveStack, senders: Sequence[Sender], each: int) -> Run:
    printed, job = new_counter(), Sending(stack.port, senders, each, _WINDOW, receipts=False)
    with (
        mosquitto_sub(stack.port, stack.observer("sub"), _INBOXES, stack.observer(), printed) as pid,
        acknowledged(pid, stack.port, printed) as counter,
    ):
        return run_load(job, {**parts_of(stack, "broker"), "mosquitto_sub": pid}, counter)


def _looped(stack: LiveStack, senders: Sequence[Sender], each: int) -> Run:
    received, job = new_counter(), Sending(stack.port, senders, each, _WINDOW, receipts=False)
    with Worker(receive_with_aiomqtt, stack.port, stack.observer("aiomqtt"), _INBOXES, received) as loop:
        loop.wait_ready()
        loop.go()
        with acknowledged(loop.pid, stack.port, received) as counter:
            run = run_load(job, {**parts_of(stack, "broker"), "aiomqtt": loop.pid}, counter)
        loop.stop()
        loop.result()
    return run


def _figure(name: str, ceiling: str, ours: Sequence[Run], theirs: Sequence[Run], goal: Goal) -> Figure:
    rounds = [Round(our.rate, their.rate) for our, their in zip(ours, theirs, strict=True)]
    return compare(name, "msg/s", ceiling, rounds, goal, note=f"{ours[-1].limit}. Ceiling: {theirs[-1].limit}.")
