"""What a run has found, as people read it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from scripts.faults.verdict import MUST_BE_ZERO, Verdict


@dataclass(frozen=True, slots=True)
class Outage:
    """How long it took, in seconds, until all receipts flowed again: since the strike, and since it was mended."""

    name: str
    since_strike: float
    since_mended: float


@dataclass(frozen=True)
class Result:
    """A run. `outbox_seconds` is when the last outbox was empty, after the last fault; None when not in time."""

    verdict: Verdict
    outages: Sequence[Outage]
    skipped: Sequence[str]
    outbox_seconds: float | None
    failures: Sequence[str]
    seconds: float

    @property
    def good(self) -> bool:
        """Whether nothing was lost, doubled, disordered, late or shown to the wrong one."""
        return not self.verdict.bad and self.outbox_seconds is not None and not self.failures


def report_lines(result: Result, seed: int, kills: int) -> list[str]:
    """Write the tables, and last the line that says it all."""
    return [*_outage_lines(result.outages), "", *_count_lines(result), "", _result_line(result, seed, kills)]


def _outage_lines(outages: Sequence[Outage]) -> list[str]:
    names = sorted({outage.name for outage in outages})
    lines = [f"{'fault':<20} {'times':>5}   until all receipts flow again: median, longest"]
    for name in names:
        seconds = [outage.since_strike for outage in outages if outage.name == name]
        lines.append(f"{name:<20} {len(seconds):>5}   {median(seconds):6.1f} s {max(seconds):6.1f} s")
    return lines


def _count_lines(result: Result) -> list[str]:
    counts = result.verdict.counts
    shown = ["sent", "stored", *MUST_BE_ZERO]
    lines = [f"{kind:<30} {counts[kind]:>9}" for kind in shown]
    emptied = "NOT IN TIME" if result.outbox_seconds is None else f"{result.outbox_seconds:.1f} s"
    lines.append(f"{'every outbox empty after':<30} {emptied:>9}")
    lines.append(f"({counts['shown again after a kill']} shown again because a kill fell between showing and record)")
    for kind in result.verdict.bad:
        lines += [f"{kind}: {offender}" for offender in result.verdict.offenders.get(kind, [])]
    return [*lines, *result.failures]


def _result_line(result: Result, seed: int, kills: int) -> str:
    counts = result.verdict.counts
    wrong = [*result.verdict.bad, *result.failures] or ["an outbox was not empty in time"]
    words = "nothing lost" if result.good else f"FAILED: {', '.join(wrong)}"
    done = f"{len(result.outages)} faults, {kills} kills of each part, seed {seed}, {result.seconds:.0f} s"
    left_out = f"; NOT DONE: {', '.join(sorted(set(result.skipped)))}" if result.skipped else ""
    return f"{words}: {counts['sent']} sent, {counts['stored']} stored; {done}{left_out}"
