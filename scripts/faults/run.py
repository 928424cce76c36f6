"""A run: everybody sends, faults strike one after the other, and at the end it is counted."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from scripts.faults.control import Standing
from scripts.faults.drops import Drops
from scripts.faults.errors import FaultsError
from scripts.faults.evidence import truths
from scripts.faults.injuries import make_injury
from scripts.faults.people import Person, make_people
from scripts.faults.queries import count_dead_letters, stored_elsewhere
from scripts.faults.report import Outage, Result
from scripts.faults.schedule import Step
from scripts.faults.verdict import Verdict, judge
from scripts.faults.world import PAGER, World, running_world

OUTBOX_SECONDS = 60.0
_RECOVERY_SECONDS = 150.0
_SHOWN_SECONDS = 90.0
_PAGED_SECONDS = 120.0
_COUNTED_SECONDS = 3.0
"""After that long the broker has told its counters, and the REST service has heard them."""
_POLL_SECONDS = 0.1
_FULL_SPEED = 1e6
_LEFT_FOR_THE_LAST = 0.02
"""Of the messages: sent after the last fault has struck."""


@dataclass
class Run:
    """One run. Without being `isolated` it leaves some faults out; `say` takes lines for people."""

    messages: int
    seed: int
    steps: Sequence[Step]
    deadline: float
    isolated: bool
    say: Callable[[str], None]
    outages: list[Outage] = field(default_factory=list)
    skipped: list[Step] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    drops: Drops = field(default_factory=Drops)
    healed: float = 0.0
    """When the last fault was over, whatever it took until all flowed again after it."""

    def make(self, root: Path) -> Result:
        """Make the run in an empty directory. Raises FaultsError, StackError when it cannot be made or judged."""
        people = make_people(self.messages)
        with running_world(root, people, self.seed, isolated=self.isolated) as world:
            self.say(f"all parts, {len(world.clients)} clients and the paging readers run; {len(people)} people write")
            began = time.monotonic()
            try:
                self._let_strike(world)
            except FaultsError as error:
                self.failures.append(str(error))
            outbox_seconds = self._let_finish(world)
            sending_seconds = time.monotonic() - began
            self._let_end(world)
            self.say("counting")
            verdict = _judge_all(world)
            verdict.counts["dropped by the broker"] = self.drops.total
            if not self.drops.was_told:
                self.failures.append("the broker's counter of dropped messages could not be read")
        return Result(
            verdict=verdict,
            outages=self.outages,
            skipped=[step.name for step in self.skipped],
            outbox_seconds=outbox_seconds,
            failures=self.failures,
            seconds=sending_seconds,
        )

    def _let_strike(self, world: World) -> None:
        self._wait_for_flow(world, 0.0, "everybody's first message is stored")
        if not self.steps:
            self._send_most(world)
            self.healed = time.monotonic()
        for number, step in enumerate(self.steps):
            self._pace(world, self.steps[number:])
            if number == len(self.steps) - 1:
                self._send_most(world)
            time.sleep(step.pause)
            if not self.isolated and step.kind in ("cut", "fill"):
                self.skipped.append(step)
                self.healed = time.monotonic()
                self.say(f"[{step.number}/{len(self.steps)}] {step.name}: NOT DONE")
                continue
            self._strike(world, step)

    def _strike(self, world: World, step: Step) -> None:
        if step.part == "broker" and step.kind != "freeze":
            self.drops.note(world.dropped())
            self.drops.begin_anew()
        began = time.monotonic()
        for phase in make_injury(world, step).phases():
            phase()
            self.healed = time.monotonic()
            self._wait_for_flow(world, self.healed, f"everybody's messages are stored again after {step.name}")
        ended = time.monotonic()
        self.drops.note(world.dropped())
        self.outages.append(Outage(step.name, ended - began, ended - self.healed))
        put = sum(standing.put for standing in world.standings().values())
        self.say(
            f"[{step.number}/{len(self.steps)}] {step.name}: all flows again after {ended - began:.1f} s"
            f" ({put} messages so far)"
        )

    def _pace(self, world: World, steps: Sequence[Step]) -> None:
        """Spread what is left to send over the faults that are left."""
        put = sum(standing.put for standing in world.standings().values())
        seconds = sum(step.expected_seconds for step in steps)
        world.order(replace(world.orders, rate=max(0.2, (self.messages - put) / len(world.people) / seconds)))

    def _send_most(self, world: World) -> None:
        """Let little be left for after the last fault: the outboxes have to be empty soon after it."""
        rate = world.orders.rate
        world.order(replace(world.orders, rate=_FULL_SPEED))
        few = self.messages * _LEFT_FOR_THE_LAST
        self._wait(lambda: _left(world) <= few, "most messages are sent", self.deadline - time.monotonic())
        world.order(replace(world.orders, rate=rate))

    def _wait_for_flow(self, world: World, since: float, what: str) -> None:
        """Wait until each sender knows a message to be stored that it has put into its outbox after `since`."""
        api = world.part("api")
        world.order(replace(world.orders, probe=world.orders.probe + 1))
        self._wait(lambda: _flows(world, since), what, _RECOVERY_SECONDS, lambda: _who_waits(world, since))
        self._wait(api.ready, "the REST service is ready", _RECOVERY_SECONDS)

    def _let_finish(self, world: World) -> float | None:
        """Let everybody send what is left; say how long after the last fault all outboxes were empty."""
        world.order(replace(world.orders, rate=_FULL_SPEED))
        try:
            self._wait(lambda: _left(world) == 0, "all is sent", OUTBOX_SECONDS)
            left = OUTBOX_SECONDS - (time.monotonic() - self.healed)
            self._wait(lambda: _waiting(world) == 0, "every outbox is empty", left)
        except FaultsError as error:
            self.failures.append(f"{error}: {_waiting(world)} wait in outboxes, {_left(world)} were never put there")
            return None
        return time.monotonic() - self.healed

    def _let_end(self, world: World) -> None:
        put = {name: standing.put for name, standing in world.standings().items()}

        def all_shown() -> bool:
            standings = world.standings()
            return all(standings[person.name].shown >= put[person.name] + put[person.other] for person in world.people)

        try:
            self._wait(all_shown, "everybody has been shown everything", _SHOWN_SECONDS)
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


def _flows(world: World, since: float) -> bool:
    standings = world.standings()
    return all(person.name in standings and _goes_on(standings[person.name], since) for person in world.people)


def _goes_on(standing: Standing, since: float) -> bool:
    done = standing.put >= standing.quota and standing.waiting == 0
    return standing.at > since and (done or standing.confirmed_put_at > since)


def _who_waits(world: World, since: float) -> str:
    standings = world.standings()
    waiting = [p for p in world.people if p.name not in standings or not _goes_on(standings[p.name], since)]
    return f" (waiting: {', '.join(f'{person.name} of {person.client}' for person in waiting[:4])} …)"


def _left(world: World) -> int:
    standings = world.standings()
    return sum(
        person.quota - (standings[person.name].put if person.name in standings else 0) for person in world.people
    )


def _waiting(world: World) -> int:
    return sum(standing.waiting for standing in world.standings().values())


def _judge_all(world: World) -> Verdict:
    url = world.stack.database_url
    verdict = Verdict()
    for truth in truths(world.places, world.people, url):
        verdict.merge(judge(truth))
    for row in stored_elsewhere(url, pairs_of(world.people)):
        verdict.add("delivered to someone else", f"{row.id} of {row.sender}, seq {row.seq}")
    verdict.counts["refused by the archive"] = count_dead_letters(url)
    return verdict


def pairs_of(people: Sequence[Person]) -> list[tuple[str, str]]:
    """List the conversations."""
    return [(left.name, right.name) for left, right in zip(people[::2], people[1::2], strict=True)]
