"""What there is of the lead push in the catalogue, under which settings; and what Dagster's storage never holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from sync_pipelines import definitions as catalogue
from sync_pipelines.sandbox.scouter.database import with_dirt_rules
from sync_pipelines.scouter.defs import definitions
from sync_pipelines.scouter.defs.automation import JOB, push_job
from sync_pipelines.scouter.defs.descriptions import EXPORT_KEY
from sync_pipelines.settings import Settings
from sync_pipelines.systems import read_settings
from sync_pipelines_tests.scouter.dagster_runs import launch, push
from sync_pipelines_tests.scouter.installation import Installation

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)
URLS = {
    "ops_database_url": "postgresql://db/ops",
    "tabuladormax_database_url": "postgresql://db/tab",
    "gestao_scouter_url": "https://gestao.example.com",
    "gestao_scouter_service_key": "opaque-key-of-gestao-scouter-0123456789",
}
OF_WAY_BACK = {"scouter_leads_inbound", "scouter_replay_inbox"}


def settings(**given: Any) -> Settings:
    return read_settings(None, **{"sync_env": "demo", **URLS, **given})


def names(found: Any) -> set[str]:
    return {one.name for one in found or ()}


def schedules(values: Settings) -> dict[str, dg.DefaultScheduleStatus]:
    return {one.name: one.default_status for one in definitions.definitions(values).schedules or ()}  # type: ignore[union-attr]


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance on disk: a schedule asks for one that it can open again, and what it keeps can be read."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


def test_everything_of_the_push_can_be_loaded() -> None:
    made = definitions.definitions(settings())
    dg.Definitions.validate_loadable(made)
    assert {
        JOB,
        "scouter_checks",
        "scouter_forget_errors",
        "scouter_replay_errors",
        *(f"scouter_{action}_export" for action in ("create", "pause", "resume", "reset", "delete")),
    } <= names(made.jobs)
    assert names(made.sensors) == {"scouter_pending_exports", "scouter_dead_exports"}


def test_without_tabuladormax_there_is_nothing_of_it() -> None:
    made = catalogue.build(settings(tabuladormax_database_url=None))
    assert not [
        name for name in names(made.jobs) | names(made.sensors) | names(made.schedules) if "scouter" in name
    ]
    assert EXPORT_KEY not in made.resolve_asset_graph().get_all_asset_keys()
    whole = catalogue.build(settings())
    assert JOB in names(whole.jobs)
    assert EXPORT_KEY in whole.resolve_asset_graph().get_all_asset_keys()


@pytest.mark.parametrize("on", [True, False])
def test_the_way_back_is_there_only_where_it_is_switched_on(*, on: bool) -> None:
    made = definitions.definitions(
        settings(scouter_way_back=on, scouter_webhook_secret="um-segredo-so-do-webhook")
    )
    dg.Definitions.validate_loadable(made)
    assert names(made.jobs) >= OF_WAY_BACK if on else not names(made.jobs) & OF_WAY_BACK
    assert ("scouter_inbox" in names(made.sensors)) is on


@pytest.mark.parametrize(
    ("given", "hourly", "others"),
    [
        ({}, False, True),
        ({"scouter_hourly_push": True}, True, True),
        ({"sync_env": "development"}, False, False),
        ({"sync_env": "development", "scouter_hourly_push": True}, False, False),
    ],
)
def test_the_push_by_the_hour_is_a_persons_decision(
    given: dict[str, Any], *, hourly: bool, others: bool
) -> None:
    running = {
        name: status is dg.DefaultScheduleStatus.RUNNING
        for name, status in schedules(settings(**given)).items()
    }
    assert running == {
        "scouter_push_hourly": hourly,
        "scouter_checks_hourly": others,
        "scouter_compare_weekly": others,
        "scouter_forget_errors_daily": others,
    }
    sensors = definitions.definitions(settings(**given)).sensors or ()
    assert {one.default_status is dg.DefaultSensorStatus.RUNNING for one in sensors} == {others}


@pytest.mark.parametrize(
    ("hourly", "warns_after", "fails_after"),
    [(True, timedelta(hours=2), timedelta(hours=3)), (False, timedelta(days=7), timedelta(days=14))],
)
def test_the_export_promises_freshness_by_how_it_is_pushed(
    *, hourly: bool, warns_after: timedelta, fails_after: timedelta
) -> None:
    spec = next(
        one
        for asset in definitions.definitions(settings(scouter_hourly_push=hourly)).assets or ()
        if isinstance(asset, dg.AssetsDefinition)
        for one in asset.specs
        if one.key == EXPORT_KEY
    )
    assert spec.freshness_policy == dg.FreshnessPolicy.time_window(
        fail_window=fails_after, warn_window=warns_after
    )
    assert spec.metadata["dagster/table_name"] == "public.leads"
    columns = {column.name: column.type for column in spec.metadata["dagster/column_schema"].columns}
    assert columns["id"] == "bigint"
    assert columns["telefone"] == "text"
    assert columns["last_sync_at"] == "timestamp with time zone"


def test_the_hour_pushes_the_houses_own_day_and_waits_for_a_push_that_is_under_way(
    installation: Installation, instance: dg.DagsterInstance
) -> None:
    # Half past one of the 22nd in UTC is still the 21st in São Paulo.
    moment = datetime(2025, 10, 22, 1, 30, tzinfo=UTC)
    made = definitions.definitions(installation.settings, replace(installation.push, clock=lambda: moment))
    schedule = made.get_repository_def().get_schedule_def("scouter_push_hourly")

    def tick() -> Any:
        context = dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=moment,
            repository_def=made.get_repository_def(),
        )
        return schedule.evaluate_tick(context)

    (request,) = tick().run_requests
    assert request.partition_key == "2025-10-21"
    # The hourly push alone rests on earlier readings.
    assert request.run_config == {"ops": {"scouter_leads_export": {"config": {"compare_unchanged": False}}}}
    instance.create_run_for_job(made.resolve_job_def(push_job.name), status=dg.DagsterRunStatus.STARTED)
    assert tick().skip_message == "A push is under way."


def test_the_first_push_of_a_day_takes_what_was_written_after_the_last_one_of_the_day_before(
    installation: Installation, instance: dg.DagsterInstance
) -> None:
    zone = installation.settings.zone
    late = datetime(2025, 10, 21, 23, 30, tzinfo=zone)
    job_id = installation.export(date(2025, 10, 21), date(2025, 10, 21)).id
    # The job went to its present, 23 hours; a later one of a single old day did not.
    old = installation.export(DAY - timedelta(days=3), DAY - timedelta(days=3)).id
    for job, moment in ((job_id, late - timedelta(minutes=30)), (old, late + timedelta(minutes=10))):
        installation.tab.execute(
            "update sync_private.export_progress set watermark = %s where job_id = %s", (moment, job)
        )
    installation.leads([7], late)

    def request(moment: datetime) -> dg.RunRequest:
        made = definitions.definitions(
            installation.settings, replace(installation.push, clock=lambda: moment)
        )
        context = dg.build_schedule_context(
            instance=instance, scheduled_execution_time=moment, repository_def=made.get_repository_def()
        )
        (one,) = (
            made.get_repository_def()
            .get_schedule_def("scouter_push_hourly")
            .evaluate_tick(context)
            .run_requests
        )
        return one

    tags = request(datetime(2025, 10, 22, 0, 0, tzinfo=zone)).tags
    assert tags["dagster/asset_partition_range_start"] == "2025-10-21"
    assert tags["dagster/asset_partition_range_end"] == "2025-10-22"
    assert request(late).partition_key == "2025-10-21"


def test_nothing_that_dagster_keeps_holds_a_key_or_a_person(
    installation: Installation, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    with_dirt_rules(installation.gestao)
    phone = "+5511987654321"
    installation.leads(range(20), NOON, celular=phone)
    installation.leads(range(5), NOON, age=1999, celular=phone)
    installation.gestao.execute(
        "create function public.betray() returns trigger language plpgsql as"
        " $$ begin new.nome = 'Outra Vítima'; return new; end $$"
    )
    assert push(installation, instance, DAY, oldest=DAY).result.success
    launch(installation, instance, "scouter_replay_errors", ops={"replay_errors": {}})
    installation.gestao.execute(
        "create trigger betray before update on public.leads for each row execute function public.betray()"
    )
    assert not push(installation, instance, DAY, oldest=DAY, send_all=True).result.success
    installation.postgrest.fail("forbidden")
    assert not push(installation, instance, DAY, oldest=DAY, send_all=True).result.success
    launch(installation, instance, "scouter_checks")
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"scouter_leads_export" in stored  # it is what it has to be
    assert len({row["lead_id"] for row in installation.errors()}) == 5
    key = installation.postgrest.service_key
    for hidden in (key, key[:24], "Pessoa", "Outra V", phone, phone[-8:], 'celular": "+'):
        assert hidden.encode() not in stored, hidden
