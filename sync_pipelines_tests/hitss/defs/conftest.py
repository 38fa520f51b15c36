"""The mirror through Dagster: the fixture `mirrored`.

It makes 80 rows of `dre_hitss` in the fabricio database, ten for each month of 2025 from January (FIRST) to August
(LAST), and an empty, migrated hitss database:

| id | competencia | periodo | conta | valor |
|----|-------------|---------|-------|-------|
| 1  | 2025-02-01  | 2/2025  | CLT   | 1     |
| 2  | 2025-03-01  | 3/2025  | CLT   | 2     |
| 8  | 2025-01-01  | 1/2025  | CLT   | 8     |
| 80 | 2025-01-01  | 1/2025  | CLT   | 80    |
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg
import psycopg
import pytest

from sync_pipelines.hitss.defs import definitions as system
from sync_pipelines.hitss.defs.mirror_assets import MIRROR_KEY
from sync_pipelines.hitss.mirror.pipeline import MirrorPipeline
from sync_pipelines.settings.hitss import HitssSettings
from sync_pipelines_tests.conftest import House

FIRST, LAST = "2025-01-01", "2025-08-01"


def quick(settings: HitssSettings) -> MirrorPipeline:
    """The mirror of these databases, without its waits."""
    return replace(MirrorPipeline.from_settings(settings), wait_seconds=0.05, sleep=lambda _seconds: None)


@dataclass
class Mirrored:
    """Both databases, and a Dagster instance to mirror one in the other."""

    settings: HitssSettings
    source: psycopg.Connection[Any]
    destination: psycopg.Connection[Any]
    instance: dg.DagsterInstance
    runs: int = 0

    def run(self, first: str = FIRST, last: str = LAST, **config: Any) -> dg.ExecuteInProcessResult:
        mirror = quick(self.settings)
        definitions = system.definitions(self.settings, mirror=mirror)
        return definitions.resolve_job_def("hitss_mirror").execute_in_process(
            instance=self.instance,
            raise_on_error=False,
            run_config={"ops": {"hitss_dre_mirror": {"config": config}}},
            tags={"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last},
        )

    def materialized(self, result: dg.ExecuteInProcessResult) -> dict[str | None, Mapping[str, Any]]:
        records = self.instance.all_logs(result.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
        made = [one.get_dagster_event().step_materialization_data.materialization for one in records]
        assert all(one.asset_key == MIRROR_KEY for one in made)
        return {one.partition: {name: value.value for name, value in one.metadata.items()} for one in made}

    def verdicts(self, result: dg.ExecuteInProcessResult, check: str) -> dict[str | None, bool]:
        records = self.instance.all_logs(result.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        found = [one.get_dagster_event().asset_check_evaluation_data for one in records]
        return {one.partition: one.passed for one in found if one.check_name == check}

    def failure(self, result: dg.ExecuteInProcessResult) -> str:
        failed = [event.step_failure_data for event in result.all_node_events if event.is_step_failure]
        return str(failed[0].user_failure_data.description)


@pytest.fixture
def mirrored(house: House, new_database: Callable[[str | None], str]) -> Iterator[Mirrored]:
    url = new_database("hitss")
    settings = house.settings.model_copy(
        update={"hitss_first_month": "2025-01", "hitss_database_url": house.settings.ops_database_url}
    )
    settings = settings.model_validate({**settings.model_dump(), "hitss_database_url": url})
    house.fabricio.execute(
        "insert into dre_hitss (execution_id, conta, valor, periodo, competencia)"
        " select 'run', 'CLT', n, 1 + n % 8 || '/2025', make_date(2025, 1 + n % 8, 1)"
        " from generate_series(1, 80) as n"
    )
    with psycopg.connect(url, autocommit=True) as destination, dg.DagsterInstance.ephemeral() as instance:
        yield Mirrored(settings=settings, source=house.fabricio, destination=destination, instance=instance)
