"""When the mirror runs: by its schedule, and after a load."""

from typing import Any

import dagster as dg

from sync_pipelines.hitss.defs import automation
from sync_pipelines.partitions import months
from sync_pipelines_tests.conftest import House
from sync_pipelines_tests.hitss.defs.conftest import FIRST, Mirrored


def test_the_schedule_asks_for_all_months_and_only_for_changes(mirrored: Mirrored) -> None:
    calendar = months(mirrored.settings.first_month, "America/Sao_Paulo")
    schedule = automation.mirror_schedule(calendar, on=True)
    assert schedule.cron_schedule == "0 */2 * * *"
    assert schedule.execution_timezone == "UTC"

    with dg.build_schedule_context() as context:
        request = schedule(context)

    assert isinstance(request, dg.RunRequest)
    assert request.tags["dagster/asset_partition_range_start"] == FIRST
    assert request.run_config["ops"]["hitss_dre_mirror"]["config"] == {"only_changes": True}


def test_a_load_is_followed_by_one_mirror(mirrored: Mirrored, house: House) -> None:
    calendar = months(mirrored.settings.first_month, "America/Sao_Paulo")
    sensor = automation.mirror_sensor(mirrored.settings, calendar, on=True)

    def tick(cursor: str | None) -> Any:
        with dg.build_sensor_context(instance=mirrored.instance, cursor=cursor) as context:
            return sensor(context)

    assert isinstance(tick(None), dg.SkipReason)
    house.ops.execute(
        "insert into ops.proofs (asset, partition_key, run_id, source_version, source, destination, holds)"
        " values ('hitss/dre_hitss', '2025-01-01', 'r', 'v', '{}', '{}', true)"
    )
    asked = tick(None)
    assert len(asked.run_requests) == 1
    assert isinstance(tick(asked.cursor), dg.SkipReason)
