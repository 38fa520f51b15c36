"""Who is due, when again, and what a week of virtual days makes of it.

| status | auto_sync | mark | next_sync_at | due |
|---|---|---|---|---|
| active | on | any | null or past | yes |
| error | on | none, or one that does not wait | null or past | yes |
| error | on | waits for a person, same credentials | any | no |
| error | on | waits for a person, other credentials | null or past | yes |
| inactive, pending | any | any | any | no |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.connections.due import (
    is_due,
    never_due_because,
    next_start,
    next_sync_at,
    not_due_because,
)
from sync_pipelines.erp.connections.mark import NAME, REQUEST, Mark, fingerprint
from sync_pipelines.erp.outcome import Module, ModuleOutcome
from sync_pipelines.lib.failures import RefusedError, TransientError
from sync_pipelines_tests.erp.connections.conftest import CREDENTIALS, MIDNIGHT, SERVED, START, Project

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ONE = ErpConnection(
    id=UUID(int=1),
    user_id=UUID(int=2),
    erp_type="omie",
    name="Omie",
    status="active",
    credentials=CREDENTIALS,
)


def marked(*, waits: bool, credentials: object = CREDENTIALS) -> Mapping[str, Any]:
    mark = Mark("credentials", START, waits_for_person=waits, credentials=fingerprint(credentials))
    return {NAME: mark.as_json()}


@pytest.mark.parametrize(
    ("changed", "due"),
    [
        ({}, True),
        ({"next_sync_at": START}, True),
        ({"next_sync_at": START - HOUR}, True),
        ({"next_sync_at": START + HOUR}, False),
        ({"status": "inactive"}, False),
        ({"status": "pending"}, False),
        ({"erp_type": "tiny"}, False),
        ({"problem": "its sync_config is no JSON object"}, False),
        # What the application and people write for a switch.
        ({"sync_config": {"auto_sync": True}}, True),
        ({"sync_config": {"auto_sync": "true"}}, True),
        ({"sync_config": {"auto_sync": False}}, False),
        ({"sync_config": {"auto_sync": "false"}}, False),
        ({"sync_config": {"auto_sync": None}}, False),
        ({"sync_config": {"frequency_hours": 6}}, True),
        # Left in error by the old application: tried once.
        ({"status": "error"}, True),
        ({"status": "error", "metadata": {NAME: "nonsense"}}, True),
        ({"status": "error", "metadata": {NAME: {"since": "?", "waits_for": "person"}}}, True),
        ({"status": "error", "metadata": marked(waits=False)}, True),
        ({"status": "error", "metadata": marked(waits=False), "next_sync_at": START + HOUR}, False),
        ({"status": "error", "metadata": marked(waits=True)}, False),
        ({"status": "error", "metadata": marked(waits=True, credentials="others")}, True),
        # A person who makes it active by hand is obeyed.
        ({"status": "active", "metadata": marked(waits=True)}, True),
        # A person who asks for a sync has it.
        ({"status": "error", "metadata": {**marked(waits=True), REQUEST: "2026-11-23"}}, True),
        ({"sync_config": {"auto_sync": False}, "metadata": {REQUEST: "2026-11-23"}}, True),
        ({"next_sync_at": START + HOUR, "metadata": {REQUEST: "2026-11-23"}}, True),
        ({"status": "inactive", "metadata": {REQUEST: "2026-11-23"}}, False),
        ({"erp_type": "tiny", "metadata": {REQUEST: "2026-11-23"}}, False),
    ],
)
def test_due_is_what_can_be_tried_and_whose_time_has_come(changed: dict[str, Any], due: bool) -> None:
    row = replace(ONE, **changed)
    assert is_due(row, START, SERVED) is due
    assert (not_due_because(row, START, SERVED) is None) is due


def test_why_a_connection_is_not_due_is_a_sentence_that_a_person_can_act_on() -> None:
    waiting = replace(ONE, status="error", metadata=marked(waits=True))
    assert not_due_because(waiting, START, SERVED) == (
        "it waits for a person since 2026-11-23 00:00 UTC: renew its credentials, or run"
        " `sync-pipelines erp reviewed omie_00000000`"
    )
    later = replace(ONE, next_sync_at=START + HOUR)
    assert not_due_because(later, START, SERVED) == "its next sync is at 2026-11-23 01:00 UTC"
    assert never_due_because(later, SERVED) is None
    assert never_due_because(replace(ONE, erp_type="totvs"), SERVED) == "there is no adapter for totvs"


moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))


@given(planned=moments, hours=st.integers(1, 24 * 40), late=st.timedeltas(timedelta(0), timedelta(days=400)))
def test_the_next_start_is_the_first_later_one_in_the_phase_of_the_planned_one(
    planned: datetime, hours: int, late: timedelta
) -> None:
    after, frequency = planned + late, timedelta(hours=hours)
    found = next_start(planned, frequency, after=after)
    assert after < found <= after + frequency
    assert (found - planned) % frequency == timedelta(0)


def test_the_next_time_by_what_was_planned_and_what_a_person_did() -> None:
    started, now = START, START + timedelta(minutes=40)

    def after(
        seen: ErpConnection, current: ErpConnection | None = None, asked: float | None = None
    ) -> object:
        return next_sync_at(seen, current or seen, started=started, now=now, asked=asked)

    assert after(ONE) == START + DAY
    assert after(replace(ONE, next_sync_at=MIDNIGHT)) == MIDNIGHT + DAY
    # Missed for three days: one sync, and the hour of the day stays.
    assert after(replace(ONE, next_sync_at=MIDNIGHT - 3 * DAY - HOUR)) == MIDNIGHT - HOUR + DAY
    # By hand, before its time: the time stays. One that passed meanwhile was served.
    assert after(replace(ONE, next_sync_at=START + HOUR)) == START + HOUR
    assert after(replace(ONE, next_sync_at=now - timedelta(minutes=1))) == now - timedelta(minutes=1) + DAY
    # The vendor wants to be left alone for longer than the interval.
    often = replace(ONE, sync_config={"frequency_hours": 1})
    assert after(often) == START + HOUR
    assert after(often, asked=1800) == START + 2 * HOUR
    # A person's edits.
    assert after(ONE, replace(ONE, next_sync_at=START + 5 * HOUR)) == START + 5 * HOUR
    assert after(replace(ONE, next_sync_at=MIDNIGHT), replace(ONE, next_sync_at=None)) is None
    assert after(ONE, replace(ONE, sync_config={"auto_sync": False})) is None
    assert after(ONE, replace(ONE, sync_config={"frequency_hours": 6})) == START + 6 * HOUR


@pytest.mark.parametrize(("hours", "syncs"), [(6, 29), (24, 8), (168, 2), ("24", 8), ("often", 8), (None, 8)])
def test_a_week_of_virtual_days_honours_the_frequency(project: Project, hours: object, syncs: int) -> None:
    """Every 30 minutes an automatic run takes what is due; each sync lasts 7 minutes (trap 57)."""
    one = project.put(hours=hours, next_sync_at=MIDNIGHT)
    starts = []
    end = START + 7 * DAY
    while project.clock.now <= end:
        tick = project.clock.now
        if [row.id for row in project.control.all() if is_due(row, tick, SERVED)] == [one]:
            with project.runs.execution(one, run_id="run", only_if_due=True) as work:
                starts.append(work.started)
                project.clock.advance(minutes=7)
        project.clock.now = tick + timedelta(minutes=30)
    assert len(starts) == syncs
    assert project.logged() == ["success"] * syncs
    # The seconds of the scheduler and the minutes of the syncs do not add up.
    assert {(start - START) % HOUR for start in starts} == {timedelta(0)}
    brasilia = ZoneInfo("America/Sao_Paulo")
    if hours == 24:
        assert [f"{start.astimezone(brasilia):%d %H:%M}" for start in starts[:2]] == ["22 21:00", "23 21:00"]


def test_three_connections_of_which_the_middle_one_fails(project: Project) -> None:
    """The others complete, its log closes as an error, and it is selected again the next day (traps 49 to 51)."""
    first, middle, last = (project.put(next_sync_at=MIDNIGHT) for _ in range(3))
    refused = project.put(next_sync_at=MIDNIGHT)

    def selected() -> list[UUID]:
        return [row.id for row in project.control.all() if is_due(row, project.clock.now, SERVED)]

    assert selected() == [first, middle, last, refused]
    for one in (first, middle, last, refused):
        with project.runs.execution(one, run_id="run", only_if_due=True) as work:
            work.outcome.modules[Module.COMPANY] = ModuleOutcome()
            if one in (middle, refused):
                error = TransientError("502") if one == middle else RefusedError("Omie refused the key.", 401)
                work.outcome.modules[Module.INVOICES] = ModuleOutcome("error", str(error), error=error)
    assert project.logged("connection_id, status::text") == [
        (first, "success"),
        (middle, "error"),
        (last, "success"),
        (refused, "error"),
    ]
    assert [project.row(one).status for one in (first, middle, last, refused)] == [
        *("active", "error", "active", "error")
    ]
    assert selected() == []
    project.clock.now = START + DAY
    assert selected() == [first, middle, last]


def test_what_the_old_application_left_in_error_is_tried_once(project: Project) -> None:
    old = [project.put(status="error") for _ in range(2)]
    assert all(is_due(project.row(one), START, SERVED) for one in old)
    project.fail(old[0], RefusedError("Omie refused the key.", 401), only_if_due=True)
    project.fail(old[1], TransientError("Omie answered 502."), only_if_due=True)
    assert [is_due(project.row(one), START + DAY, SERVED) for one in old] == [False, True]


def test_a_request_is_a_manual_sync_that_leaves_the_time_and_the_switch(project: Project) -> None:
    one = project.put(auto_sync=False)
    project.control.request(one, START)
    with project.runs.execution(one, run_id="run", only_if_due=True) as work:
        assert work.is_due
    row = project.row(one)
    assert (row.auto_sync, row.next_sync_at, row.metadata) == (False, None, {})
    assert project.logged("sync_type::text") == ["manual"]
    with project.runs.execution(one, run_id="run", only_if_due=True) as work:
        assert work.outcome.skipped == "its auto-sync is off"


def test_the_mark_counts_and_keeps_since_when(project: Project) -> None:
    one = project.put(metadata=Jsonb({"kept": 1}))
    for _ in range(3):
        project.fail(one, TransientError("Omie answered 502."))
        project.clock.advance(days=1)
    mark = Mark.of(project.row(one))
    assert mark is not None
    assert (mark.cause, mark.failures, mark.since, mark.waits_for_person) == ("transient", 3, START, False)
    project.fail(one, RefusedError("Omie refused the key.", 401))
    mark = Mark.of(project.row(one))
    assert mark is not None
    assert (mark.cause, mark.failures, mark.since) == ("credentials", 4, START + 3 * DAY)
    assert project.row(one).metadata["kept"] == 1
    assert all(secret not in str(mark) for secret in CREDENTIALS.values())


@pytest.mark.parametrize(
    ("hours", "found"),
    [
        (6, 6),
        ("168", 168),
        (0.5, 0.5),
        (10**400, 24),  # larger than any float: one row must not keep the others from being read
        (float("inf"), 24),
        (float("nan"), 24),
        (1e-12, 24),  # no time at all: the sync would be due for ever
        (0.001, 24),
        (-6, 24),
        (0, 24),
        (None, 24),
        ([6], 24),
        ("6 horas", 24),
    ],
)
def test_an_interval_that_is_none_is_a_day(hours: object, found: float) -> None:
    one = replace(ONE, sync_config={"frequency_hours": hours})
    assert one.frequency == found * HOUR
    assert next_sync_at(one, one, started=START, now=START) == START + found * HOUR
