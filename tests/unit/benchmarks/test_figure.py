"""A figure is judged by the median of its rounds' ratios, or by its own value where it has no ceiling."""

import pytest

from benchmarks.figure import Goal, Round, alone, compare


def test_the_ratio_is_the_median_of_the_rounds_ratios_and_not_the_ratio_of_medians() -> None:
    rounds = [Round(100, 200), Round(300, 400), Round(900, 1000)]
    figure = compare("rate", "msg/s", "bare", rounds, Goal(0.6, 1.0))
    assert (figure.ours, figure.ceiling, figure.ratio) == (300, 400, 0.75)
    assert figure.spread == (0.5, 0.9)


@pytest.mark.parametrize(
    ("ours", "verdict"), [(50, "missed"), (60, "reached"), (99, "reached"), (100, "aim reached"), (120, "aim reached")]
)
def test_a_rate_has_to_come_up_to_its_bounds(ours: float, verdict: str) -> None:
    assert compare("rate", "msg/s", "bare", [Round(ours, 100)], Goal(0.6, 1.0)).verdict == verdict


@pytest.mark.parametrize(("ours", "verdict"), [(3.1, "missed"), (3.0, "reached"), (1.5, "aim reached")])
def test_a_duration_has_to_stay_below_its_bounds(ours: float, verdict: str) -> None:
    figure = compare("p50", "ms", "COMMIT", [Round(ours, 1.0)], Goal(3.0, 1.5), kind="lower")
    assert figure.verdict == verdict


def test_a_figure_without_a_ceiling_is_judged_by_its_value() -> None:
    assert alone("memory", "MiB", [210.0, 150.0, 190.0], Goal(200, 120), kind="lower").verdict == "reached"
    assert alone("memory", "MiB", [210.0], Goal(200, 120), kind="lower").verdict == "missed"


def test_a_figure_with_only_a_bound_reaches_it_or_misses_it_and_one_without_any_is_not_judged() -> None:
    assert alone("all served", "s", [0.4], Goal(1.0), kind="lower").verdict == "reached"
    assert alone("for information", "s", [0.4], Goal(), kind="lower").verdict == "-"


def test_a_single_value_has_no_spread() -> None:
    assert alone("memory", "MiB", [1.0], Goal()).spread is None
    assert alone("memory", "MiB", [1.0, 3.0], Goal()).spread == (1.0, 3.0)
