"""A run: everybody sends, faults strike round after round, and at the end it is counted."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from scripts.faults.counting import Screens, judge_messages
from scripts.faults.crashes import CRASHED, LogWatch
from scripts.faults.drops import Drops
from scripts.faults.errors import FaultsError
from scripts.faults.evidence import longest_wait, read_ends
from scripts.faults.flow import flows, left, put, waiting, who_waits
from scripts.faults.people import make_people
from scripts.faults.progress import Progress, Reporter
from scripts.faults.report import Outage, Result
from scripts.faults.schedule import Round, Step, steps_of
from scripts.faults.strikes import strike_all
from scripts.faults.verdict import Verdict, judge_ends
from scripts.faults.world import PAGER, World, running_world

OUTBOX_SECONDS = 60.0
_RECOVERY_SECONDS = 150.0
_SHOWN_SECONDS = 90.0
_PAGED_SECONDS = 120.0
_COUNTED_SECONDS = 3.0
"""After that long the broker has told its counters, and the REST service has heard them."""
_POLL_SECONDS = 0.1
_LEAST_RATE = 0.2
_BURST_SECONDS = 0.25
"""From the order to write at full speed until all have read it."""
_PROBE_SECONDS = 2.0
"""People who wait for an answer write again; a client that is waiting to connect does so at once for it."""
_STRIKE_SECONDS = 1.0
"""A strike waits that long at most for a REST service that may be frozen."""
_LEFT_FOR_THE_LAST = 0.02
_LEFT_MOST = 1000
"""Of the messages: sent after the last fault has struck."""
_EACH_FAULT_IS_SAID = 110


@dataclass
class Run:
    """One run. Without being `isolated` it leaves some faults out; `say` takes lines for people."""

    messages: int
    seed: int
    rounds: Sequence[Round]
    deadline: float
    isolated: bool
    say: Callable[[str], None]
    keep: bool = False
    outages: list[Outage] = field(default_factory=list)
    skipped: list[Step] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    drops: Drops = field(default_factory=Drops)
    progress: Progress | None = None
    world: World | None = None
    healed: float = 0.0
    """When the last fault was over, whatever it took until all flowed again after it; before any, when all began."""

    def make(self, root: Path) -> Result:
        """Make the run in an empty directory. Raises FaultsError, StackError when it cannot be made or judged."""
        people = make_people(self.messages)
        with running_world(root, people, self.seed, isolated=self.isolated, keep=self.keep) as world:
            self.say(f"all parts, {len(world.clients)} clients and the paging readers run; {len(people)} people write")
            self.world = world
            logs = LogWatch(world.keeper.was_struck)
            self.progress = Progress(self.messages, len(steps_of(self.rounds)), len(people), world.standings)
            with Reporter(self.progress, self.say):
                return self._make(world, self.progress, logs)

    def _make(self, world: World, progress: Progress, logs: LogWatch) -> Result:
        began = self.healed = time.monotonic()
        try:
            self._let_strike(world, progress, logs)
        except FaultsError as error:
            self.failures.append(str(error))
        progress.doing = "sending the rest"
        outbox_seconds = self._let_finish(world)
        sending_seconds = time.monotonic() - began
        progress.doing = "ending"
        self._let_end(world)
        logs.look(world.programs, "the end")
        self.say("counting")
        progress.doing = "counting"
        verdict = self._judge_all(world, logs)
        return Result(
            verdict=verdict,
            outages=self.outages,
            skipped=[step.name for step in self.skipped],
            outbox_seconds=outbox_seconds,
            failures=self.failures,
            seconds=sending_seconds,
            longest_wait=longest_wait(world.places, world.people),
            flights=progress.flights,
            senders=len(world.people),
        )

    def _let_strike(self, world: World, progress: Progress, logs: LogWatch) -> None:
        self._wait_for_flow(world, 0.0, "everybody's first message is stored")
        if not self.rounds:
            self._send_most(world)
            self.healed = time.monotonic()
        for number, each in enumerate(self.rounds):
            progress.doing = f"round {number + 1} of {len(self.rounds)}: {each}"
            if number == len(self.rounds) - 1:
                self._send_most(world)
            else:
                self._send_share(world)
            time.sleep(each.pause)
            possible = tuple(step for step in each.steps if self.isolated or step.kind not in ("cut", "fill"))
            self.skipped += [step for step in each.steps if step not in possible]
            self._pace(world, number)
            if possible:
                self._strike(world, replace(each, steps=possible), progress)
            excused = ("postgres",) if any(step.kind == "fill" for step in possible) else ()
            logs.look(world.programs, str(each), excused)
            if not possible:
                self.healed = time.monotonic()

    def _strike(self, world: World, each: Round, progress: Progress) -> None:
        def before(step: Step) -> None:
            if step.place == "broker" and step.kind != "freeze":
                # Only now: the counter dies with the broker, and a strike may come long after its round began.
                self.drops.note(world.dropped(_STRIKE_SECONDS))
                self.drops.begin_anew()
            progress.note_strike(step.name)

        self.drops.note(world.dropped())
        began = time.monotonic()
        excused = ["postgres"] if any(step.kind == "fill" for step in each.steps) else []
        with world.keeper.excusing(*excused):
            phases = strike_all(world, each, before)
            self.healed = time.monotonic()
            self._wait_for_flow(world, self.healed, f"everybody's messages are stored again after {each}")
        for phase in phases:
            phase()
            self.healed = time.monotonic()
            self._wait_for_flow(world, self.healed, f"everybody's messages are stored again after {each}")
        seconds = time.monotonic() - began
        self.drops.note(world.dropped())
        self.outages.append(Outage(tuple(step.name for step in each.steps), seconds))
        self._tell(world, f"[{each.steps[-1].number}/{progress.faults}] {each}: all flows again after {seconds:.1f} s")

    def _tell(self, world: World, line: str) -> None:
        line = f"{line} ({put(world)} messages so far)"
        with (world.places.root / "faults.log").open("a") as log:
            log.write(f"{line}\n")
        if len(steps_of(self.rounds)) <= _EACH_FAULT_IS_SAID:
            self.say(line)

    def _pace(self, world: World, number: int) -> None:
        """Let a busy round's share be sent as fast as may be from just before it strikes, or spread what is left."""
        seconds = sum(later.expected_seconds for later in self.rounds[number:])
        rate = max(_LEAST_RATE, left(world) / len(world.people) / seconds)
        if self.rounds[number].is_busy:
            # Little of it is left for a trickle meanwhile, but whatever strikes is to hit something.
            whole = sum(each.expected_seconds for each in self.rounds)
            later = seconds - self.rounds[number].expected_seconds
            share = (1 - _LEFT_FOR_THE_LAST) * (1 - later / whole)
            world.order(replace(world.orders, rate=rate / 4, at_once=share))
            time.sleep(_BURST_SECONDS)
        else:
            world.order(replace(world.orders, rate=rate, at_once=0.0))

    def _send_share(self, world: World) -> None:
        """Let the share of the busy round before be put into the outboxes: else most would be sent after all faults."""
        share = int(world.orders.at_once * self.messages) - len(world.people)
        self._wait(lambda: put(world) >= share, "a share is sent", self.deadline - time.monotonic())

    def _send_most(self, world: World) -> None:
        """Let little be left for after the last fault: the outboxes have to be empty soon after it."""
        few = min(self.messages * _LEFT_FOR_THE_LAST, _LEFT_MOST)
        world.order(replace(world.orders, rate=0.0, at_once=1 - few / self.messages))
        # Each person's part of the goal is rounded.
        few += len(world.people)
        self._wait(lambda: left(world) <= few, "most messages are sent", self.deadline - time.monotonic())

    def _wait_for_flow(self, world: World, since: float, what: str) -> None:
        """Wait until each sender knows a message to be stored that it has put into its outbox after `since`."""
        api, probed = world.part("api"), float("-inf")

        def flows_again() -> bool:
            nonlocal probed
            if time.monotonic() > probed + _PROBE_SECONDS:
                probed = time.monotonic()
                world.order(replace(world.orders, probe=world.orders.probe + 1))
            return flows(world, since)

        self._wait(flows_again, what, _RECOVERY_SECONDS, lambda: who_waits(world, since))
        self._wait(api.ready, "the REST service is ready", _RECOVERY_SECONDS)

    def _let_finish(self, world: World) -> float | None:
        """Let everybody send what is left; say how long after the last fault all outboxes were empty."""
        world.order(replace(world.orders, at_once=1.0))
        try:
            self._wait(lambda: left(world) == 0, "all is sent", OUTBOX_SECONDS)
            seconds = OUTBOX_SECONDS - (time.monotonic() - self.healed)
            self._wait(lambda: waiting(world) + left(world) == 0, "every outbox is empty", seconds)
        except FaultsError as error:
            self.failures.append(f"{error}: {waiting(world)} wait in outboxes, {left(world)} were never put there")
            return None
        seconds = time.monotonic() - self.healed
        if seconds > OUTBOX_SECONDS:
            self.failures.append(f"not in time: every outbox was empty only {seconds:.1f} s after the last fault")
            return None
        return seconds

    def _let_end(self, world: World) -> None:
        try:
            self._wait(Screens(world).are_full, "everybody has been shown everything", _SHOWN_SECONDS)
        except FaultsError as error:
            self.failures.append(str(error))
        time.sleep(_COUNTED_SECONDS)
        self.drops.note(world.dropped())
        world.order(replace(world.orders, ending=True))
        world.keeper.let_end([PAGER], _PAGED_SECONDS)
        world.order(replace(world.orders, ended=True))
        world.keeper.let_end(world.clients, 20)

    def _wait(
        self,
        reached: Callable[[], bool],
        what: str,
        seconds: float,
        detail: Callable[[], str] = lambda: "",
    ) -> None:
        until = min(time.monotonic() + seconds, self.deadline)
        while not reached():
            if time.monotonic() > until:
                raise FaultsError(f"not in time: {what}{detail()}")
            time.sleep(_POLL_SECONDS)

    def _judge_all(self, world: World, logs: LogWatch) -> Verdict:
        verdict = judge_messages(world)
        verdict.counts["dropped by the broker"] = self.drops.total
        if not self.drops.was_told:
            self.failures.append("the broker's counter of dropped messages could not be read")
        verdict.merge(logs.verdict)
        for crash in world.keeper.crashes:
            verdict.add(CRASHED, crash)
        for client in world.clients:
            verdict.merge(judge_ends(read_ends(world.places, client)))
        return verdict
