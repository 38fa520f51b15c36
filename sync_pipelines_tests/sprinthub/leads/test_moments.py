from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.sprinthub.leads.moments import date_text, timestamp_text
from sync_pipelines.sprinthub.leads.unusable import UnusableError
from sync_pipelines_tests.sprinthub.leads.live_columns import SAO_PAULO


def moment(value: Any) -> datetime:
    found = datetime.fromisoformat(timestamp_text(value, zone=SAO_PAULO))
    assert found.utcoffset() == timedelta(0)
    return found


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("1987-12-31", "1987-12-31"),
        ("0001-01-01", "0001-01-01"),
        ("9999-12-31", "9999-12-31"),
        ("2024-02-29T23:30:00.000Z", "2024-02-29"),
        ("2024-02-29 23:30:00-03:00", "2024-02-29"),
        ("2024-02-29T23:30", "2024-02-29"),
        ("31/12/1987", "1987-12-31"),
        ("05/03/2024 14:30", "2024-03-05"),
        ("05/03/2024, 14:30:59", "2024-03-05"),
    ],
)
def test_a_date_is_the_day_as_it_is_written(value: str, day: str) -> None:
    assert date_text(value) == day


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-05-06T07:08:09.123Z", "2024-05-06T07:08:09.123+00:00"),
        ("2024-05-06T07:08:09.123456Z", "2024-05-06T07:08:09.123456+00:00"),
        ("2024-05-06T07:08:09.1234567Z", "2024-05-06T07:08:09.123457+00:00"),
        ("2024-12-31T23:59:59.999999999Z", "2025-01-01T00:00:00+00:00"),
        ("2024-05-06 07:08:09", "2024-05-06T07:08:09+00:00"),
        ("2024-05-06", "2024-05-06T00:00:00+00:00"),
        ("2024-05-06T07:08:09-03:00", "2024-05-06T10:08:09+00:00"),
        ("2024-05-06T07:08:09+0530", "2024-05-06T01:38:09+00:00"),
        ("2024-05-06T07:08-03", "2024-05-06T10:08:00+00:00"),
        ("06/05/2024 07:08", "2024-05-06T10:08:00+00:00"),
        ("06/05/2024", "2024-05-06T03:00:00+00:00"),
        # Summer time, which Brazil had until 2019.
        ("15/01/2019 12:00", "2019-01-15T14:00:00+00:00"),
        # The clock went from 00:00 to 01:00: the first moment of the day all the same.
        ("04/11/2018", "2018-11-04T03:00:00+00:00"),
    ],
)
def test_a_moment_is_in_utc(value: str, expected: str) -> None:
    assert timestamp_text(value, zone=SAO_PAULO) == expected


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("0000-00-00", "impossible_date"),
        ("0000-00-00 00:00:00", "impossible_date"),
        ("0000-01-01", "impossible_date"),
        ("2023-02-29", "impossible_date"),
        ("2024-13-01T00:00:00.000Z", "impossible_date"),
        ("2024-01-01T24:00:00.000Z", "impossible_date"),
        ("2024-01-01T23:59:60Z", "impossible_date"),
        ("2024-01-01T00:00:00+25:00", "impossible_date"),
        ("2024-01-01T00:00:00+03:60", "impossible_date"),
        ("31/02/1990", "impossible_date"),
        ("12/31/2024", "impossible_date"),
        ("1/2/2024", "date"),
        ("01/02/24", "date"),
        ("12-31-2024", "date"),
        ("2024/01/02", "date"),
        ("20240102", "date"),
        ("2024-W01-1", "date"),
        ("2024-1-2", "date"),
        ("2024-01-02\n", "date"),
        ("٢٠٢٤-٠١-٠٢", "date"),
        ("12024-01-02", "date"),
        ("2024-01-02T03:04:05 BRT", "date"),
        ("semana que vem", "date"),
        ("infinity", "date"),
        (1_700_000_000_000, "date"),
        (True, "date"),
        ({}, "date"),
    ],
)
def test_what_is_no_date_is_not_guessed(value: Any, rule: str) -> None:
    for read in (date_text, moment):
        with pytest.raises(UnusableError) as raised:
            read(value)
        assert raised.value.rule == rule
        assert str(value) not in raised.value.reason


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("17/02/2018 23:30", "ambiguous"),
        ("04/11/2018 00:30", "ambiguous"),
        ("0001-01-01T00:00:00+03:00", "out_of_range"),
        ("9999-12-31T23:00:00-03:00", "out_of_range"),
    ],
)
def test_a_moment_that_is_not_one_is_unusable(value: str, rule: str) -> None:
    with pytest.raises(UnusableError) as raised:
        moment(value)
    assert raised.value.rule == rule


ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=ZONES))
def test_any_moment_in_iso_form_comes_back(given_moment: datetime) -> None:
    assert moment(given_moment.isoformat()) == given_moment
    assert date_text(given_moment.isoformat(" ")) == str(given_moment.date())
    usual = given_moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert moment(usual) == datetime.fromisoformat(usual)


@given(st.dates())
def test_any_day_in_brazilian_form_comes_back(day: date) -> None:
    assert date_text(f"{day.day:02d}/{day.month:02d}/{day.year:04d}") == str(day)


@given(st.text(alphabet="0123456789-/:TZ.+ ", max_size=26))
def test_any_other_text_is_a_date_or_unusable(text: str) -> None:
    for read in (date_text, moment):
        try:
            read(text)
        except UnusableError:
            continue
