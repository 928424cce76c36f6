"""What a run says in the end."""

from collections import Counter
from dataclasses import replace

from scripts.faults.control import Standing
from scripts.faults.progress import Flight, Progress
from scripts.faults.report import Outage, Result, report_lines
from scripts.faults.verdict import Verdict

GOOD = Result(
    verdict=Verdict(Counter({"sent": 10, "stored": 10})),
    outages=[
        Outage(("kill broker",), 2.0),
        Outage(("kill broker",), 6.0),
        Outage(("kill broker",), 3.0),
        Outage(("kill broker", "kill client"), 9.0),
    ],
    skipped=[],
    outbox_seconds=1.5,
    failures=[],
    seconds=60.0,
)


def last_line(result: Result) -> str:
    """Return the line that says it all."""
    return report_lines(result, seed=7, kills=3)[-1]


def test_a_good_run_says_so_with_its_seed() -> None:
    assert GOOD.good
    assert last_line(GOOD) == "nothing lost: 10 sent, 10 stored; 5 faults, 3 kills of each part, seed 7, 60 s"


def test_the_way_back_is_told_by_fault_with_median_and_longest() -> None:
    lines = report_lines(GOOD, seed=7, kills=3)
    assert "kill broker              4     3      3.0 s    6.0 s" in lines
    assert "kill client              1     0" in lines
    assert "2 that overlap           1            9.0 s    9.0 s" in lines


def test_how_much_the_faults_hit_is_told() -> None:
    flights = [Flight("kill broker", 0, 0), Flight("kill broker", 30, 10), Flight("kill client", 500, 40)]
    lines = report_lines(replace(GOOD, flights=flights, senders=40), seed=7, kills=3)
    assert "on their way at a strike, median: 30 messages, of 25% of the senders" in lines
    assert "on their way at a strike, fewest and most: 0, 500; 1 strikes hit none" in lines


def test_a_line_of_progress_has_the_rate_since_the_one_before() -> None:
    told = [Standing(0.0, 100, 500, 20, 0.0, 0), Standing(0.0, 50, 500, 0, 0.0, 0)]
    progress = Progress(1000, 3, 2, lambda: {str(number): each for number, each in enumerate(told)})
    progress.note_strike("kill broker")
    assert progress.flights == [Flight("kill broker", 20, 1)]
    assert " 130 of 1000 stored, " in progress.line()
    assert " 0/s, 20 on their way; 1 of 3 faults; begins" in progress.line()


def test_what_was_left_out_stands_in_the_last_line() -> None:
    assert last_line(replace(GOOD, skipped=["cut client", "fill postgres"])).endswith(
        "; NOT DONE: cut client, fill postgres"
    )


def test_a_count_that_is_not_0_an_outbox_that_is_not_empty_and_a_run_that_stuck_are_failures() -> None:
    lost = Verdict(Counter({"sent": 10, "stored": 9, "lost": 1}), {"lost": ["id-7 of anna, number 3"]})
    worse = replace(GOOD, verdict=lost)
    assert not worse.good
    assert last_line(worse).startswith("FAILED: lost: 10 sent, 9 stored")
    assert "lost: id-7 of anna, number 3" in report_lines(worse, seed=7, kills=3)
    assert not replace(GOOD, outbox_seconds=None).good
    assert not replace(GOOD, failures=["not in time: all is sent"]).good
    assert "not in time: all is sent" in last_line(replace(GOOD, failures=["not in time: all is sent"]))
