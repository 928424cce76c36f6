"""What a run has found, as people read it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from scripts.faults.progress import Flight, flight_lines
from scripts.faults.verdict import MUST_BE_ZERO, REFUSED, SHOWN_LATE, SHOWN_UNASKED, STORED_YET, Verdict


@dataclass(frozen=True, slots=True)
class Outage:
    """How long it took, in seconds, until all receipts flowed again after the faults of a round, since the first."""

    names: tuple[str, ...]
    seconds: float

    @property
    def label(self) -> str:
        """Name it for the table: a fault that was alone, or how many overlapped."""
        return self.names[0] if len(self.names) == 1 else f"{len(self.names)} that overlap"


@dataclass(frozen=True)
class Result:
    """A run. `outbox_seconds` is when the last outbox was empty, after the last fault; None when not in time.

    `longest_wait` is how many seconds a message waited at most for its receipt.
    """

    verdict: Verdict
    outages: Sequence[Outage]
    skipped: Sequence[str]
    outbox_seconds: float | None
    failures: Sequence[str]
    seconds: float
    longest_wait: float = 0.0
    flights: Sequence[Flight] = field(default_factory=list)
    senders: int = 1

    @property
    def good(self) -> bool:
        """Whether nothing was lost, doubled, disordered, late or shown to the wrong one, and nothing crashed."""
        return not self.verdict.bad and self.outbox_seconds is not None and not self.failures

    @property
    def struck(self) -> int:
        """How many faults struck."""
        return sum(len(outage.names) for outage in self.outages)


def report_lines(result: Result, seed: int, kills: int) -> list[str]:
    """Write the tables, and last the line that says it all."""
    return [*_outage_lines(result), "", *_count_lines(result), "", _result_line(result, seed, kills)]


def _outage_lines(result: Result) -> list[str]:
    struck = [name for outage in result.outages for name in outage.names]
    lines = [f"{'fault':<20} {'times':>5} {'alone':>5}   until all receipts flow again: median, longest"]
    for name in [*sorted(set(struck)), *sorted({o.label for o in result.outages if len(o.names) > 1})]:
        seconds = [outage.seconds for outage in result.outages if outage.label == name]
        times = struck.count(name) or len(seconds)
        alone = len(seconds) if name in struck else ""
        took = f"   {median(seconds):6.1f} s {max(seconds):6.1f} s" if seconds else ""
        lines.append(f"{name:<20} {times:>5} {alone:>5}{took}")
    return lines + flight_lines(list(result.flights), result.senders)


def _count_lines(result: Result) -> list[str]:
    counts = result.verdict.counts
    shown = ["sent", "stored", *MUST_BE_ZERO]
    lines = [f"{kind:<30} {counts[kind]:>9}" for kind in shown]
    emptied = "NOT IN TIME" if result.outbox_seconds is None else f"{result.outbox_seconds:.1f} s"
    lines.append(f"{'every outbox empty after':<30} {emptied:>9}")
    lines.append(f"{'longest wait for a receipt':<30} {result.longest_wait:>7.1f} s")
    lines.append(f"({counts['shown again after a kill']} shown again because a kill fell between showing and record;")
    lines.append(
        f"{counts[SHOWN_LATE]} shown after later ones to who was not there for the first, as with the archive away;"
    )
    lines.append(
        f"{counts[SHOWN_UNASKED]} shown after later ones to who had come back and could not ask REST for 15 s;"
    )
    lines.append(f"{counts[REFUSED]} were rejected as of somebody who had been removed, and written anew;")
    lines.append(f"{counts[STORED_YET]} of before the removal were given up by their sender, but stored later;")
    lines.append(f"{counts['command not begun']} commands could not begin because the server was out of reach)")
    for kind in result.verdict.bad:
        lines += [f"{kind}: {offender}" for offender in result.verdict.offenders.get(kind, [])]
    return [*lines, *result.failures]


def _result_line(result: Result, seed: int, kills: int) -> str:
    counts = result.verdict.counts
    wrong = [*result.verdict.bad, *result.failures] or ["an outbox was not empty in time"]
    words = "nothing lost" if result.good else f"FAILED: {', '.join(wrong)}"
    done = f"{result.struck} faults, {kills} kills of each part, seed {seed}, {result.seconds:.0f} s"
    left_out = f"; NOT DONE: {', '.join(sorted(set(result.skipped)))}" if result.skipped else ""
    return f"{words}: {counts['sent']} sent, {counts['stored']} stored; {done}{left_out}"
