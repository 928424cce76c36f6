"""The recording: what was seen becomes spans, and spans an SVG."""

from xml.etree import ElementTree as ET

from scripts.recording.film import Film, Shot
from scripts.recording.svg import draw
from scripts.recording.terminals import Pane


def film_of_one(*frames: tuple[float, list[str]]) -> Film:
    """Make a film of one terminal."""
    film = Film()
    for at, rows in frames:
        film.add(at, {"one": rows})
    return film


def test_a_row_is_shown_for_as_long_as_it_was_there() -> None:
    """A row that stays is one shot, whatever else changes; empty rows are none."""
    film = film_of_one((0.0, ["$", ""]), (1.0, ["$ ls", ""]), (2.0, ["$ ls", "file"]), (3.0, ["$ ls", ""]))
    assert film.shots(5.0) == [
        Shot("one", 0, "$", 0.0, 1.0),
        Shot("one", 0, "$ ls", 1.0, 5.0),
        Shot("one", 1, "file", 2.0, 3.0),
    ]


def test_a_frame_like_the_one_before_is_left_out() -> None:
    """A terminal at rest costs nothing."""
    assert len(film_of_one((0.0, ["$"]), (0.1, ["$"]), (0.2, ["$ "])).frames) == 2


def test_the_drawing_is_well_formed_and_shows_the_end_where_nothing_plays() -> None:
    """What is gone at the end is hidden by its own rule; what people type is only text."""
    film = film_of_one((0.0, ["gone"]), (1.0, ["<b>&"]))
    drawn = ET.fromstring(draw(film, [Pane("one", "the <first>", {})], 1, "a & b"))  # noqa: S314  # our own
    texts = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    style = drawn.findtext("{http://www.w3.org/2000/svg}style") or ""
    assert texts == ["the <first>", "gone", "<b>&"]
    assert ".s0{visibility:hidden}" in style
    assert ".s1{visibility:hidden}" not in style
