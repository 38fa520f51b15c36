"""A destination that is away, slow, or does not know us any more: three attempts, or a pause at once."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from sync_pipelines.lib.http.client import Timeouts
from sync_pipelines_tests.scouter.installation import FIRST, Installation

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)
ATTEMPTS = 3
#: A lead of the first batch: among equal times a push begins with the largest number.
STRUCK = FIRST + 35


@pytest.fixture
def waiting(installation: Installation) -> str:
    """A job of forty leads that go in two requests."""
    installation.use(scouter_batch_size=20, scouter_in_flight=1)
    installation.leads(range(40), NOON)
    return installation.create(DAY, DAY)


def be_impatient(installation: Installation) -> None:
    # Long enough for every other request on a machine that has much to do.
    limits = Timeouts(connect=5, read=2, total=2)
    installation.use_client(timeouts=limits)


def assert_goes_on(installation: Installation, job_id: str) -> None:
    installation.postgrest.clear()
    installation.resume(job_id)
    assert installation.counters(job_id) == ("completed", 40, 40, 0)
    assert len(installation.there()) == 40
    assert installation.errors() == []


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("expired_301", "401 PGRST301"),
        ("expired_303", "401 PGRST303"),
        ("gateway_401", "401 from its gateway"),
        ("forbidden", "403 42501"),
    ],
)
def test_who_is_not_let_in_pauses_at_once(
    installation: Installation, waiting: str, fault: str, told: str
) -> None:
    installation.postgrest.fail(fault, lead_id=STRUCK)
    pause = installation.paused(waiting)
    assert installation.posts()[0] == 20
    assert installation.posts().count(20) <= 2  # the other batch may have been under way; none was sent twice
    job = installation.job(waiting)
    assert not pause.by_person
    assert (job.status, job.exported_leads, job.error_leads) == ("paused", 0, 0)
    assert job.pause_reason is not None
    assert told in job.pause_reason
    assert "GESTAO_SCOUTER_SERVICE_KEY" in job.pause_reason
    assert "resume" in job.pause_reason
    assert installation.errors() == []
    assert_goes_on(installation, waiting)


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
    installation: Installation, waiting: str, fault: str
) -> None:
    if fault == "hang":
        be_impatient(installation)
    installation.postgrest.fail(fault, ATTEMPTS, lead_id=STRUCK)
    pause = installation.paused(waiting)
    struck = [one for one in installation.postgrest.requests if one.objects]
    assert len(struck) - ATTEMPTS in (0, 1)
    job = installation.job(waiting)
    assert not pause.by_person
    assert (job.status, job.exported_leads, job.error_leads) == ("paused", 0, 0)
    assert job.pause_reason is not None
    assert "resume" in job.pause_reason
    assert_goes_on(installation, waiting)


@pytest.mark.parametrize(
    "fault", ["throttled", "empty_503", "drop", "cut_body", "applied_then_dropped", "hang"]
)
def test_one_that_is_away_for_a_moment_is_not_noticed(
    installation: Installation, waiting: str, fault: str
) -> None:
    if fault == "hang":
        be_impatient(installation)
    installation.postgrest.fail(fault, ATTEMPTS - 1, lead_id=STRUCK)
    installation.run(waiting)
    assert installation.counters(waiting) == ("completed", 40, 40, 0)
    assert len(installation.there()) == 40
    assert installation.posts() == [20] * (2 + ATTEMPTS - 1)
    assert len(installation.events()) == 40
    assert installation.outcomes[DAY].proof.equal == 40


def test_a_statement_that_is_too_slow_is_tried_with_fewer_leads(
    installation: Installation, waiting: str
) -> None:
    installation.postgrest.fail("statement_timeout", ATTEMPTS, lead_id=STRUCK)
    installation.run(waiting)
    assert installation.counters(waiting) == ("completed", 40, 40, 0)
    assert sorted(installation.posts()) == [10, 10, 20, 20, 20, 20]


def test_one_that_is_too_slow_for_a_single_lead_pauses_the_job(
    installation: Installation, waiting: str
) -> None:
    installation.postgrest.fail("statement_timeout", lead_id=STRUCK)
    installation.paused(waiting)
    assert "57014" in str(installation.job(waiting).pause_reason)
    assert installation.errors() == []
    assert_goes_on(installation, waiting)


@pytest.mark.parametrize("fault", ["bad_gateway", "gateway_401"])
def test_one_that_is_away_before_the_first_lead_pauses_the_job_too(
    installation: Installation, waiting: str, fault: str
) -> None:
    installation.postgrest.fail(fault)
    pause = installation.paused(waiting)
    assert not pause.by_person
    assert installation.job(waiting).status == "paused"
    assert installation.posts() == []
    assert_goes_on(installation, waiting)


def test_one_that_is_away_when_it_is_read_back_pauses_the_job(
    installation: Installation, waiting: str
) -> None:
    sent: list[int] = []

    def strike() -> None:
        sent.append(len(installation.posts()))
        if sent[-1] == 2:
            installation.postgrest.fail("empty_503")

    installation.hook(strike)
    installation.paused(waiting)
    assert installation.job(waiting).last_completed_date is None
    assert installation.ops.execute("select count(*) from ops.lead_exchanges").fetchone() == (0,)
    installation.hook(lambda: None)
    assert_goes_on(installation, waiting)
    assert installation.outcomes[DAY].proof.equal == 40
