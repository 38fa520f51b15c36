"""Clocks and dates that are wrong at Gestão Scouter: ahead, behind, of a transaction's begin, or typed by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import sync_pipelines.scouter
from sync_pipelines_tests.scouter.push.test_moments import before_the_write
from sync_pipelines_tests.scouter.two_way import LEAD, TwoWay

OUTBOX = Path(sync_pipelines.scouter.__file__).parent / "sql" / "outbox.sql"
AHEAD = timedelta(minutes=5)
BEHIND = timedelta(seconds=-5)


def at(skew: timedelta) -> datetime:
    return datetime.now(UTC) + skew


def echo(two_way: TwoWay) -> None:
    """What we wrote is announced, and seen with our own date."""
    two_way.edit(name="Ana")
    two_way.push()
    two_way.announce(two_way.installation.there()[LEAD])
    two_way.drain()


@pytest.mark.parametrize("skew", [timedelta(), AHEAD, BEHIND])
def test_an_older_edit_that_is_announced_late_does_not_come_back(two_way: TwoWay, skew: timedelta) -> None:
    """The push has merged the later one; one clock has dated both."""
    first = two_way.edit_there(etapa="Ligou", updated_at=at(skew), announce=False)
    second = two_way.edit_there(etapa="Agendada", updated_at=at(skew), announce=False)
    two_way.edit(name="Ana Daqui")
    two_way.push()
    two_way.are(name="Ana Daqui", etapa="Agendada")
    for row in (first, second):
        two_way.announce(row)
        two_way.drain()
    two_way.is_quiet()
    two_way.are(name="Ana Daqui", etapa="Agendada")
    assert two_way.conflicts == []


@pytest.mark.parametrize("has_outbox", [True, False])
def test_a_date_in_the_future_counts_as_the_time_of_arrival_by_either_way(
    two_way: TwoWay, has_outbox: bool
) -> None:
    """The outbox dates the arrival by that clock too."""
    installation = two_way.installation
    if has_outbox:
        installation.use(scouter_outbox=True)
        installation.gestao.execute(OUTBOX.read_bytes() + b"; notify pgrst, 'reload schema'")
    two_way.edit(name="Ana Daqui")
    two_way.edit_there(nome="Ana de Lá", updated_at=at(AHEAD), announce=not has_outbox)
    if has_outbox:
        installation.gestao.execute(
            "update sync_outbox.lead_changes set changed_at = now() + interval '5 min'"
        )
    two_way.drain()
    two_way.push()
    two_way.are(name="Ana de Lá")
    assert two_way.conflicts == [("nome", '"Ana Daqui"', '"Ana de Lá"', "there")]


@pytest.mark.parametrize("skew", [timedelta(), AHEAD, BEHIND])
def test_an_edit_before_the_delete_there_is_taken_whatever_its_date(two_way: TwoWay, skew: timedelta) -> None:
    echo(two_way)
    two_way.edit_there(etapa="Ligou", updated_at=at(skew))
    two_way.delete_there()
    two_way.drain()
    two_way.is_quiet()
    two_way.are(name="Ana", etapa="Ligou")
    assert two_way.conflicts == []


def test_of_a_lead_that_is_gone_again_the_later_value_is_taken(two_way: TwoWay) -> None:
    rows = [two_way.make_there(LEAD + 50, nome="Nova Lá", etapa="Nova", announce=False)]
    rows.append(two_way.edit_there(LEAD + 50, etapa="Ligou", announce=False))
    two_way.delete_there(LEAD + 50)
    two_way.announce(*reversed(rows))
    two_way.is_quiet()
    two_way.are(LEAD + 50, name="Nova Lá", etapa="Ligou")


def test_a_clock_behind_ours_costs_no_edit(two_way: TwoWay) -> None:
    """It is dated before our own last write, on which it was made."""
    echo(two_way)
    two_way.edit(name="Ana Daqui")
    two_way.announce(*before_the_write(two_way, {"etapa": "Ligou", "updated_at": at(BEHIND)}))
    two_way.is_quiet()
    two_way.are(name="Ana Daqui", etapa="Ligou")
    assert two_way.conflicts == []


def test_a_transaction_that_waited_for_another_edit_is_dated_by_its_begin(two_way: TwoWay) -> None:
    """It shows that edit, so it is later, and is taken though a push went over it; a person is told."""
    begun = datetime.now(UTC)
    two_way.edit_there(age=44)
    two_way.drain()
    two_way.edit(name="Ana Daqui")
    two_way.announce(*before_the_write(two_way, {"etapa": "Ligou", "updated_at": begun}))
    two_way.is_quiet()
    two_way.are(name="Ana Daqui", age=44, etapa="Ligou")
    assert two_way.conflicts == [("etapa", '"Nova"', '"Ligou"', "there")]


@pytest.mark.parametrize("stamp", ["20225-01-01", "2062-11-30", "infinity", "0044-03-15 BC"])
def test_a_last_sync_at_that_a_person_has_typed_stops_no_push(two_way: TwoWay, stamp: str) -> None:
    two_way.edit_there(etapa="Ligou", last_sync_at=stamp)
    two_way.drain()
    two_way.edit(LEAD + 1, name="Ana")
    two_way.push()
    now: Any = two_way.installation.gestao.execute(
        "select last_sync_at < now() from public.leads where id = %s", [LEAD + 1]
    ).fetchone()
    assert now == (True,)
    two_way.edit(age=31)
    two_way.is_quiet()
    two_way.are(etapa="Ligou", age=31)
    two_way.are(LEAD + 1, name="Ana")


@pytest.mark.parametrize("skew", [timedelta(), timedelta(seconds=5), timedelta(hours=1)])
@pytest.mark.parametrize("second", [{"etapa": "Ligou"}, {"fonte": "Loja"}], ids=["other", "same"])
def test_webhooks_overtake_each_other_under_any_clock(
    two_way: TwoWay, skew: timedelta, second: dict[str, str]
) -> None:
    """A push went over both edits, and the later one is announced first."""
    moment = at(skew)
    two_way.edit(name="Ana Daqui")
    one, two = before_the_write(
        two_way,
        {"fonte": "Feira", "updated_at": moment},
        {**second, "updated_at": moment + timedelta(milliseconds=30)},
    )
    two_way.announce(two, one)
    two_way.is_quiet()
    two_way.are(**{"name": "Ana Daqui", "fonte": "Feira", **second})
    assert two_way.conflicts == []
