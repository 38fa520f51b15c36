"""Two segments on one token, against a CRM that counts: none of their calls is throttled."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Lock

import pytest

from sync_pipelines.sandbox.sprinthub.fake import SprinthubFake
from sync_pipelines.sprinthub.client import SprinthubAccess
from sync_pipelines.sprinthub.pipeline import SegmentSync
from sync_pipelines_tests.sprinthub.installation import AT_ONCE, Installed, adds_up

START = datetime(2026, 3, 1, 6, tzinfo=UTC)


@dataclass
class VirtualTime:
    """Time passes when somebody sleeps."""

    seconds: float = 0.0
    lock: Lock = field(default_factory=Lock)

    def sleep(self, seconds: float) -> None:
        with self.lock:
            self.seconds += seconds

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime()


@pytest.fixture
def crm(time: VirtualTime) -> Iterator[SprinthubFake]:
    with SprinthubFake(rate_per_minute=100, clock=time.monotonic) as fake:
        yield fake


def patient(installed: Installed, time: VirtualTime, rate: int) -> SegmentSync:
    settings = installed.settings.model_copy(update={"sprinthub_rate_per_minute": rate})
    access = SprinthubAccess(
        settings,
        options={"backoff": AT_ONCE, "sleep": time.sleep},
        budget_options={"clock": time.now, "sleep": time.sleep},
    )
    return replace(installed.pipeline(), access=access)


def test_two_segments_share_what_the_token_may_call(
    installed: Installed, crm: SprinthubFake, time: VirtualTime
) -> None:
    for segment in (7, 8):
        crm.tenant.add_segment(segment, leads=150)
    pipeline = patient(installed, time, 85)
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda segment: installed.sync(segment, pipeline), (7, 8)))
    assert [adds_up(outcome) for outcome in outcomes] == [True, True]
    assert sum(outcome.calls for outcome in outcomes) == crm.calls.count()
    assert (crm.calls.count(status=401), crm.calls.count(status=200)) == (0, crm.calls.count())
    assert crm.calls.busiest() <= 100
    assert time.seconds > 120
    assert all(outcome.wait_seconds > 0 for outcome in outcomes)
    assert installed.log(7)[2]["wait_seconds"] > 0


def test_a_budget_that_is_too_large_waits_and_loses_nothing(
    installed: Installed, crm: SprinthubFake, time: VirtualTime
) -> None:
    crm.tenant.add_segment(7, leads=150)
    outcome = installed.sync(pipeline=patient(installed, time, 140))
    assert (outcome.inserted, outcome.unread) == (150, 0)
    assert crm.calls.count(status=401) > 0
    assert time.seconds >= 60
