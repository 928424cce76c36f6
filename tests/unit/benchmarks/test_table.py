"""Figures become one table, on the terminal and in RESULTS.md."""

from pathlib import Path

import pytest

from benchmarks.figure import Figure, Goal, Round, alone, compare
from benchmarks.machine import Machine
from benchmarks.results import Course, render, summary, write_results
from benchmarks.table import markdown_table, number, plain_table

RATE = compare("stored", "msg/s", "to mosquitto_sub", [Round(9000, 20000)], Goal(0.6, 1.0), note="the archiver limits")
MEMORY = alone("resident", "MiB", [187.2], Goal(200, 120), kind="lower")
MACHINE = Machine("2026-01-02", "A CPU", 4, 2, 23.6, "6.1", 1234.5, "2.0.11", "18.1", "3.11.7", 0.25)


@pytest.mark.parametrize(
    ("value", "written"), [(0.456, "0.46"), (12.34, "12.3"), (456.7, "457"), (1234567.0, "1,234,567"), (0.0, "0.00")]
)
def test_numbers_are_written_with_what_matters_of_them(value: float, written: str) -> None:
    assert number(value) == written


def test_the_terminals_table_has_a_line_a_figure_and_its_note_below() -> None:
    lines = plain_table([RATE, MEMORY]).splitlines()
    assert len(lines) == 5
    assert "9,000 msg/s" in lines[2]
    assert "20,000 msg/s, to mosquitto_sub" in lines[2]
    assert lines[2].endswith("missed")
    assert lines[3].strip() == "the archiver limits"
    assert "at most 200" in lines[4]
    assert lines[4].endswith("reached")


def test_columns_stand_below_each_other() -> None:
    heads, rule, first, *_ = plain_table([RATE, MEMORY]).splitlines()
    starts = [index for index, char in enumerate(rule) if char == "-" and (index == 0 or rule[index - 1] == " ")]
    assert all(index == 0 or (heads[index - 1] == " " and first[index - 1 : index] == " ") for index in starts[:-1])


def test_markdown_has_a_row_a_figure_and_escapes_what_would_end_a_cell() -> None:
    figure = alone("a|b", "MiB", [1.0], Goal(), note="why")
    rows = markdown_table([figure, RATE]).splitlines()
    assert rows[1].count("---") == rows[0].count("|") - 1
    assert rows[2].startswith("| a\\|b | 1.00 MiB | - |")
    assert "- a|b: why" in rows


def test_a_summary_counts_goals_and_names_those_that_are_missed() -> None:
    information = alone("for information", "s", [1.0], Goal())
    assert summary([RATE, MEMORY, information]) == "1 of 2 goals reached, 0 of them with the aim.\nMissed: stored."
    assert summary([MEMORY]) == "1 of 1 goals reached, 0 of them with the aim."


def test_the_results_describe_the_machine_and_hold_every_figure(tmp_path: Path) -> None:
    figures: list[Figure] = [RATE, MEMORY]
    course = Course(17.4, 0.126, [0.0, 0.01, 0.05])
    write_results(figures, MACHINE, course, tmp_path / "RESULTS.md")
    text = (tmp_path / "RESULTS.md").read_text()
    assert text == render(figures, MACHINE, course)
    assert "| CPU | A CPU, 4 cores, of which 2 are used |" in text
    assert "| disk | 1,234 synchronous 8 KiB writes a second |" in text
    assert "| took | 17 minutes |" in text
    assert "| time of the cores that the host gave to others | 13% |" in text
    assert "measurements that were kept | 2.0%, 1 of 3 disturbed by 2% or more |" in text
    assert "| stored |" in text
    assert "| resident |" in text
    assert [path.name for path in tmp_path.iterdir()] == ["RESULTS.md"]
