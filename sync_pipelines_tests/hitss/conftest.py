"""Fixtures of all hitss tests, and a download with its load as one call (`run`).

| fixture | what it makes                                                          |
|---------|------------------------------------------------------------------------|
| `short` | the DRE of 2025 only (the eight months of MONTHS): a load takes a moment |
| `pair`  | the two migrated, empty databases of a mirror                          |
| `kept`  | 300 rows of `dre_hitss` over three months, for backups                 |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

import psycopg
import pytest

from sync_pipelines.hitss.backup.pipeline import BackupPipeline
from sync_pipelines.hitss.dre.plan import Outcome
from sync_pipelines.hitss.dre.report import ExportReport
from sync_pipelines.hitss.mirror.extract import Mirror
from sync_pipelines.lib.failures import SyncError
from sync_pipelines_tests.conftest import House
from sync_pipelines_tests.hitss.copies import Kept, Pair

FIRST_MONTH = "2025-01"
MONTHS = tuple(f"2025-{month:02d}-01" for month in range(1, 9))


@dataclass
class Ran:
    """What one download with its load did: rows touched by table, and the errors of months that failed."""

    report: ExportReport
    touched: Counter[str] = field(default_factory=Counter)
    outcomes: dict[str, dict[str, Outcome]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


def run(house: House, run_id: str = "run", accept: Collection[str] = ()) -> Ran:
    """Download, and load what differs, as the schedule and the sensor do."""
    ran = Ran(house.dre.download(run_id, accepted=accept))
    pending = ran.report.pending
    if months := [*pending.changed, *pending.refresh]:
        load(house, ran, months, run_id=run_id, accept=accept)
    return ran


def load(
    house: House, ran: Ran, months: Collection[str], run_id: str = "load", accept: Collection[str] = ()
) -> Ran:
    """Load these months whatever is pending."""
    with house.dre.load(run_id, sorted(months), accepted=accept) as loading:
        for month in sorted(months):
            try:
                ran.outcomes[month] = loading.load(month)
            except SyncError as error:
                ran.problems[month] = str(error)
                continue
            for name, outcome in ran.outcomes[month].items():
                assert outcome.proof.holds
                assert outcome.is_accounted_for
                ran.touched[name] += outcome.changes.touched
    return ran


@pytest.fixture
def short(house: House) -> House:
    """The DRE with a window of eight months."""
    return house.with_settings(hitss_first_month=FIRST_MONTH)


@pytest.fixture
def pair(new_database: Callable[[str | None], str]) -> Iterator[Pair]:
    urls = new_database("fabricio"), new_database("hitss")
    with (
        psycopg.connect(urls[0], autocommit=True) as source,
        psycopg.connect(urls[1], autocommit=True) as destination,
    ):
        mirror = Mirror(*urls, wait_seconds=0.05, sleep=lambda _seconds: None)
        yield Pair(source, destination, mirror)


@pytest.fixture
def kept(house: House) -> Kept:
    house.fabricio.execute(
        "insert into dre_hitss (execution_id, conta, valor, periodo, competencia, updated_at)"
        " select 'run', 'CLT', n / 6, 1 + n % 3 || '/2025', make_date(2025, 1 + n % 3, 1), '2025-01-01'"
        " from generate_series(1, 300) as n"
    )
    return Kept(
        pipeline=BackupPipeline.from_settings(house.settings),
        settings=house.settings,
        url=house.settings.require("fabricio_database_url"),
        database=house.fabricio,
        ops=house.ops,
    )
