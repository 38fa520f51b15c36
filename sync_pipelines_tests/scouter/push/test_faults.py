"""A destination that is away, slow, or does not know us any more: three attempts, or a pause at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from sync_pipelines.lib.http.client import Timeouts
from sync_pipelines.scouter.client import gestao_client
from sync_pipelines_tests.scouter.house import FIRST, LeadHouse

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)
ATTEMPTS = 3
#: A lead of the first batch: among equal times a push begins with the largest number.
STRUCK = FIRST + 35


@pytest.fixture
def waiting(lead_house: LeadHouse) -> str:
    """A job of forty leads that go in two requests."""
    lead_house.use(scouter_batch_size=20, scouter_in_flight=1)
    lead_house.leads(range(40), NOON)
    return lead_house.create(DAY, DAY)


def be_impatient(house: LeadHouse) -> None:
    limits = Timeouts(connect=5, read=0.25, total=0.25)
    house.push = replace(
        house.push, client=lambda now: gestao_client(now, sleep=lambda _seconds: None, timeouts=limits)
    )


def assert_goes_on(house: LeadHouse, job_id: str) -> None:
    house.face.clear()
    house.resume(job_id)
    assert house.counters(job_id) == ("completed", 40, 40, 0)
    assert len(house.there()) == 40
    assert house.errors() == []


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("expired_301", "401 PGRST301"),
        ("expired_303", "401 PGRST303"),
        ("gateway_401", "401 from its gateway"),
        ("forbidden", "403 42501"),
    ],
)
def test_who_is_not_let_in_pauses_at_once(lead_house: LeadHouse, waiting: str, fault: str, told: str) -> None:
    lead_house.face.fail(fault, lead_id=STRUCK)
    pause = lead_house.paused(waiting)
    assert lead_house.posts()[0] == 20
    assert lead_house.posts().count(20) <= 2  # the other batch may have been under way; none was sent twice
    job = lead_house.job(waiting)
    assert not pause.by_person
    assert (job.status, job.exported_leads, job.error_leads) == ("paused", 0, 0)
    assert job.pause_reason is not None
    assert told in job.pause_reason
    assert "GESTAO_SCOUTER_SERVICE_KEY" in job.pause_reason
    assert "resume" in job.pause_reason
    assert lead_house.errors() == []
    assert_goes_on(lead_house, waiting)


@pytest.mark.parametrize(
    "fault",
    [
        "throttled",
        "bad_gateway",
        "empty_503",
        "gateway_504",
        "drop",
        "cut_body",
        "applied_then_dropped",
        "hang",
    ],
)
def test_a_destination_that_is_away_is_asked_three_times_and_then_left(
    lead_house: LeadHouse, waiting: str, fault: str
) -> None:
    if fault == "hang":
        be_impatient(lead_house)
    lead_house.face.fail(fault, ATTEMPTS, lead_id=STRUCK)
    pause = lead_house.paused(waiting)
    struck = [one for one in lead_house.face.requests if one.objects]
    assert len(struck) - ATTEMPTS in (0, 1)
    job = lead_house.job(waiting)
    assert not pause.by_person
    assert (job.status, job.exported_leads, job.error_leads) == ("paused", 0, 0)
    assert job.pause_reason is not None
    assert "resume" in job.pause_reason
    assert_goes_on(lead_house, waiting)


@pytest.mark.parametrize(
    "fault", ["throttled", "empty_503", "drop", "cut_body", "applied_then_dropped", "hang"]
)
def test_one_that_is_away_for_a_moment_is_not_noticed(
    lead_house: LeadHouse, waiting: str, fault: str
) -> None:
    if fault == "hang":
        be_impatient(lead_house)
    lead_house.face.fail(fault, ATTEMPTS - 1, lead_id=STRUCK)
    lead_house.run(waiting)
    assert lead_house.counters(waiting) == ("completed", 40, 40, 0)
    assert len(lead_house.there()) == 40
    assert lead_house.posts() == [20] * (2 + ATTEMPTS - 1)
    assert len(lead_house.events()) == 40
    assert lead_house.outcomes[DAY].proof.equal == 40


def test_a_statement_that_is_too_slow_is_tried_with_fewer_leads(lead_house: LeadHouse, waiting: str) -> None:
    lead_house.face.fail("statement_timeout", ATTEMPTS, lead_id=STRUCK)
    lead_house.run(waiting)
    assert lead_house.counters(waiting) == ("completed", 40, 40, 0)
    assert sorted(lead_house.posts()) == [10, 10, 20, 20, 20, 20]


def test_one_that_is_too_slow_for_a_single_lead_pauses_the_job(lead_house: LeadHouse, waiting: str) -> None:
    lead_house.face.fail("statement_timeout", lead_id=STRUCK)
    lead_house.paused(waiting)
    assert "57014" in str(lead_house.job(waiting).pause_reason)
    assert lead_house.errors() == []
    assert_goes_on(lead_house, waiting)


@pytest.mark.parametrize("fault", ["bad_gateway", "gateway_401"])
def test_one_that_is_away_before_the_first_lead_pauses_the_job_too(
    lead_house: LeadHouse, waiting: str, fault: str
) -> None:
    lead_house.face.fail(fault)
    pause = lead_house.paused(waiting)
    assert not pause.by_person
    assert lead_house.job(waiting).status == "paused"
    assert lead_house.posts() == []
    assert_goes_on(lead_house, waiting)


def test_one_that_is_away_when_it_is_read_back_pauses_the_job(lead_house: LeadHouse, waiting: str) -> None:
    sent: list[int] = []

    def strike() -> None:
        sent.append(len(lead_house.posts()))
        if sent[-1] == 2:
            lead_house.face.fail("empty_503")

    lead_house.hook(strike)
    lead_house.paused(waiting)
    assert lead_house.job(waiting).last_completed_date is None
    assert lead_house.ops.execute("select count(*) from ops.lead_exchanges").fetchone() == (0,)
    lead_house.hook(lambda: None)
    assert_goes_on(lead_house, waiting)
    assert lead_house.outcomes[DAY].proof.equal == 40
