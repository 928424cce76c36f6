"""What is on the screen of a long conversation: nothing jumps, and nothing costs more than a screen."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_client.app.entries import PENDING, Entry, Page
from mqtt_client.app.lines import Line, Setting, Span, block, plain
from mqtt_client.app.viewport import WINDOW_MOST, Viewport
from tests.unit.app.making import an_entry


def lay_out(entry: Entry, before: Entry | None) -> list[Line]:
    """Lay a message out as many lines as its text says."""
    del before
    return [(Span(f"{entry.arrival}.{line}"),) for line in range(int(entry.text))]


def entries(first: int, last: int, lines: int = 2) -> tuple[Entry, ...]:
    """Make messages of so many lines each."""
    return tuple(an_entry(str(lines), arrival=number) for number in range(first, last + 1))


def shown(viewport: Viewport) -> list[str]:
    """Return what is on the screen."""
    return [plain(line) for _, line in viewport.lines()]


@pytest.fixture
def viewport() -> Viewport:
    """A screen of five lines, at the end of a hundred messages of two."""
    made = Viewport(lay_out)
    made.height = 5
    made.show(Page(entries(101, 200)))
    return made


def test_it_begins_at_the_end_and_follows_what_arrives(viewport: Viewport) -> None:
    """As long as nobody scrolls."""
    assert shown(viewport) == ["198.1", "199.0", "199.1", "200.0", "200.1"]
    viewport.merge(entries(201, 201))
    assert shown(viewport)[-1] == "201.1"
    assert viewport.is_following


def test_nothing_moves_when_messages_come_before_or_after(viewport: Viewport) -> None:
    """Older pages, newer messages, and one that is settled to an earlier place."""
    viewport.scroll(-7)
    before = shown(viewport)
    assert before == ["195.0", "195.1", "196.0", "196.1", "197.0"]
    viewport.merge(entries(201, 230))
    assert shown(viewport) == before
    viewport.prepend(Page(entries(1, 100), at_start=True))
    assert shown(viewport) == before
    viewport.merge([an_entry("2", arrival=500, seq=150)])
    assert shown(viewport) == before
    viewport.remove(194)
    assert shown(viewport) == before
    assert not viewport.is_following


def test_it_stops_at_both_ends(viewport: Viewport) -> None:
    """Down at the end it follows again."""
    viewport.scroll(-10_000)
    assert shown(viewport)[0] == "101.0"
    assert viewport.wants_older
    viewport.scroll(3)
    assert shown(viewport)[0] == "102.1"
    viewport.scroll(10_000)
    assert shown(viewport)[-1] == "200.1"
    assert viewport.is_following


def test_a_message_that_gains_its_seq_goes_to_its_place_and_stands_there_once() -> None:
    """Even when an older page that was read meanwhile has it too."""
    made = Viewport(lay_out)
    made.height = 50
    made.show(Page((*entries(1, 3), an_entry("2", arrival=9, seq=None, place=PENDING))))
    made.merge([an_entry("2", arrival=10, seq=20), an_entry("2", arrival=9, seq=15)])
    assert [entry.arrival for entry in made.entries] == [1, 2, 3, 9, 10]
    made.prepend(Page((an_entry("2", arrival=9, seq=0), *entries(1, 1))))
    assert [entry.arrival for entry in made.entries] == [1, 2, 3, 9, 10]


def test_what_is_beyond_the_window_is_left_out(viewport: Viewport) -> None:
    """It is loaded when one gets there."""
    viewport.merge(entries(5, 5))
    assert viewport.entries[0].arrival == 101
    viewport.at_end = False
    viewport.merge(entries(300, 300))
    assert viewport.entries[-1].arrival == 200


def test_the_window_lets_go_of_the_other_end() -> None:
    """Scrolling up through everything holds no more than so many messages, and comes back."""
    made = Viewport(lay_out)
    made.height = 5
    last = WINDOW_MOST * 3
    made.show(Page(entries(last - 99, last)))
    while not made.at_start:
        made.scroll(-10_000)
        first = made.entries[0].arrival
        made.prepend(Page(entries(max(1, first - 500), first - 1), at_start=first <= 501))
        assert len(made.entries) <= WINDOW_MOST
    made.scroll(-10_000)
    assert shown(made)[0] == "1.0"
    while not made.is_following:
        made.scroll(10_000)
        end = made.entries[-1].arrival
        made.append(Page(entries(end + 1, min(last, end + 500)), at_end=end + 500 >= last))
        assert len(made.entries) <= WINDOW_MOST
    made.scroll(10_000)
    assert shown(made)[-1] == f"{last}.1"


def test_a_message_is_brought_onto_the_screen(viewport: Viewport) -> None:
    """One that is there already moves nothing."""
    before = shown(viewport)
    viewport.reveal(199)
    assert shown(viewport) == before
    viewport.reveal(120)
    assert "120.0" in shown(viewport)
    viewport.reveal(101)
    assert shown(viewport)[0] == "101.0"


def test_drawing_costs_what_is_on_the_screen_not_what_there_is() -> None:
    """However many messages the window holds, a screen lays out no more than fit on it."""
    laid_out = 0

    def counted(entry: Entry, before: Entry | None) -> list[Line]:
        nonlocal laid_out
        laid_out += 1
        return lay_out(entry, before)

    made = Viewport(counted)
    made.height = 50
    made.show(Page(entries(1, WINDOW_MOST, lines=1)))
    made.lines()
    made.scroll(-50)
    made.lines()
    assert laid_out <= 210


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.integers(-40, 40), st.sampled_from(["older", "newer", "wide", "narrow"])), max_size=25))
def test_the_screen_is_always_a_part_of_the_whole(steps: list[int | str]) -> None:
    """Whatever is done, its lines are lines of the conversation, in their order and without a gap."""
    width = 40
    texts = ["word " * (number % 17 + 1) for number in range(200)]
    every = [an_entry(text, arrival=number, sent_at=number * 200.0) for number, text in enumerate(texts, 1)]

    def real(entry: Entry, before: Entry | None) -> list[Line]:
        return block(entry, before, Setting(width, "alice"))

    made = Viewport(real)
    made.height = 12
    made.show(Page(tuple(every[100:150]), at_end=False))
    for step in steps:
        first, last = made.entries[0].arrival, made.entries[-1].arrival
        if isinstance(step, int):
            made.scroll(step)
        elif step == "older":
            made.prepend(Page(tuple(every[max(0, first - 21) : first - 1]), at_start=first <= 21))
        elif step == "newer":
            made.append(Page(tuple(every[last : last + 20]), at_end=last >= 180))
        else:
            width = 60 if step == "wide" else 20
            made.forget_layout()
        window = made.entries
        whole = [
            plain(line)
            for index, entry in enumerate(window)
            for line in real(entry, window[index - 1] if index else None)
        ]
        there = shown(made)
        assert any(whole[place : place + len(there)] == there for place in range(len(whole)))
        assert len(there) == min(made.height, len(whole))
