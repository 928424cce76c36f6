"""Times."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.times import format_time, parse_time

zones = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29), timezones=zones))  # noqa: DTZ001  # hypothesis wants naive limits
def test_a_time_is_written_in_utc_and_read_back_to_the_millisecond(moment: datetime) -> None:
    text = format_time(moment)
    assert len(text) == 24
    assert text.endswith("Z")
    assert parse_time(text) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@given(st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29), timezones=zones))  # noqa: DTZ001  # hypothesis wants naive limits
def test_other_zones_are_read_too(moment: datetime) -> None:
    read = parse_time(moment.isoformat())
    assert read == moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("2026-01-31T12:00:00Z", 0),
        ("2026-01-31t12:00:00z", 0),
        ("2026-01-31 12:00:00+00:00", 0),
        ("2026-01-31T12:00:00.5Z", 500_000),
        ("2026-01-31T12:00:00.123456789Z", 123_000),
        ("2026-01-31T12:00:00.9999Z", 999_000),
    ],
)
def test_the_spellings_of_rfc_3339(text: str, microseconds: int) -> None:
    assert parse_time(text) == datetime(2026, 1, 31, 12, 0, 0, microseconds, UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-01-31T12:00Z",
        "2026-02-30T12:00:00Z",
        "2026-01-31T24:00:01Z",
        "2026-01-31T12:00:60Z",
        "2026-01-31T12:00:00+24:00",
        "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00:00.1234567890Z",
        "2026-01-31T12:00:00Z\n",
        "\uff12026-01-31T12:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "0000-01-01T00:00:00Z",
    ],
)
def test_other_texts_are_no_times(text: str) -> None:
    assert parse_time(text) is None


@given(st.text())
def test_whatever_comes_is_read_or_is_none(text: str) -> None:
    assert parse_time(text) is None or text.isascii()
