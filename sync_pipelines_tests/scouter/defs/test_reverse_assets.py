"""The way back through Dagster: what a run tells, when one is requested, and that it is off by default."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from sync_pipelines.lib.records.inbox import Arrival, Inbox
from sync_pipelines.scouter.defs.definitions import definitions as all_definitions
from sync_pipelines.scouter.defs.definitions import reverse_sync_definitions
from sync_pipelines.scouter.defs.reverse_automation import SENSOR, inbound_job
from sync_pipelines.scouter.defs.reverse_descriptions import AGREED, DRAINED, INBOUND_KEY, KNOWN, NOT_REJECTED
from sync_pipelines.scouter.lead import TOPIC
from sync_pipelines.systems import read_settings
from sync_pipelines_tests.scouter.pair import LEAD, NOWHERE, Pair, settings_of


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def definitions(pair: Pair, **given: Any) -> dg.Definitions:
    settings = settings_of(pair, **given)
    return reverse_sync_definitions(settings, pair.reverse_sync())


def run(pair: Pair, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    job = definitions(pair).resolve_job_def(inbound_job.name)
    return job.execute_in_process(instance=instance, raise_on_error=False)


def checks(result: dg.ExecuteInProcessResult) -> dict[str, tuple[bool, str | None]]:
    return {one.check_name: (one.passed, one.description) for one in result.get_asset_check_evaluations()}


def test_a_run_tells_what_became_of_each_change(pair: Pair, instance: dg.DagsterInstance) -> None:
    pair.push(LEAD, LEAD + 1)
    pair.receive(
        pair.edit_there(nome="Ana Nova") | {"coluna_nova": 1},
        pair.announced(LEAD + 1, age="segredo"),
        {"id": NOWHERE, "nome": "Ana Local"},
    )
    result = run(pair, instance)
    assert result.success
    (event,) = result.asset_materializations_for_node("scouter__leads_inbound")
    told = {name: value.value for name, value in event.metadata.items()}
    assert told["rows_read"] == 3
    assert (told["rows_loaded"], told["rows_rejected"], told["created_leads"]) == (2, 1, [NOWHERE])
    assert told["unknown_columns"] == {"coluna_nova": 1}
    assert told["columns_that_are_not_taken_back"] == ["telefone"]
    assert "age: the value is no integer" in told["decisions"]
    found = checks(result)
    assert {name: passed for name, (passed, _) in found.items()} == {
        NOT_REJECTED: False,
        DRAINED: True,
        KNOWN: False,
        AGREED: True,
    }
    everything = "\n".join(str(entry) for entry in instance.all_logs(result.run_id))
    for hidden in ("Ana Nova", "Ana Local", "segredo"):
        assert hidden not in everything


def test_a_run_without_changes_is_a_success_and_lets_old_rows_go(
    pair: Pair, instance: dg.DagsterInstance
) -> None:
    Inbox(pair.ops, TOPIC).add(Arrival(str(1), "gestaoscouter", "{}"))
    pair.ops.execute("update ops.inbox set status = 'ignored', decided_at = now() - interval '31 days'")
    result = run(pair, instance)
    assert result.success
    assert all(passed for passed, _ in checks(result).values())
    assert pair.decided == []


def test_a_failure_is_a_sentence(pair: Pair, instance: dg.DagsterInstance) -> None:
    pair.receive({"id": LEAD, "nome": "Ana Nova"})
    pair.leads.execute("alter table public.sync_events rename to elsewhere")
    result = run(pair, instance)
    pair.leads.execute("alter table public.elsewhere rename to sync_events")
    assert not result.success
    failure = result.failure_data_for_node("scouter__leads_inbound")
    assert failure is not None
    assert "the TabuladorMax database" in str(failure.user_failure_data)
    assert Inbox(pair.ops, TOPIC).count_waiting() == 1


def tick(pair: Pair, instance: dg.DagsterInstance, after: timedelta = timedelta()) -> Any:
    settings = settings_of(pair)
    found = reverse_sync_definitions(settings, pair.reverse_sync(), clock=lambda: datetime.now(UTC) + after)
    sensor = found.resolve_sensor_def(SENSOR)
    with dg.build_sensor_context(instance=instance, definitions=found) as context:
        return sensor(context)


def test_the_sensor_asks_for_a_drain_when_something_waits(pair: Pair, instance: dg.DagsterInstance) -> None:
    assert isinstance(tick(pair, instance), dg.SkipReason)
    pair.receive({"id": LEAD, "nome": "Ana Nova"})
    request = tick(pair, instance)
    assert isinstance(request, dg.RunRequest)
    assert request.tags["sync/waiting"] == "1"


def test_the_sensor_waits_for_the_drain_that_is_under_way(pair: Pair, instance: dg.DagsterInstance) -> None:
    pair.receive({"id": LEAD, "nome": "Ana Nova"})
    job = definitions(pair).resolve_job_def(inbound_job.name)
    instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    skipped = tick(pair, instance)
    assert isinstance(skipped, dg.SkipReason)
    assert "under way" in str(skipped.skip_message)


def test_after_failures_the_sensor_waits_longer_each_time_and_never_gives_up(
    pair: Pair, instance: dg.DagsterInstance
) -> None:
    pair.receive({"id": LEAD, "nome": "Ana Nova"})
    job = definitions(pair).resolve_job_def(inbound_job.name)
    instance.create_run_for_job(job, status=dg.DagsterRunStatus.FAILURE)
    assert isinstance(tick(pair, instance), dg.SkipReason)
    assert isinstance(tick(pair, instance, timedelta(minutes=1.1)), dg.RunRequest)
    for _ in range(9):
        instance.create_run_for_job(job, status=dg.DagsterRunStatus.FAILURE)
    assert isinstance(tick(pair, instance, timedelta(minutes=29)), dg.SkipReason)
    assert isinstance(tick(pair, instance, timedelta(minutes=31)), dg.RunRequest)
    instance.create_run_for_job(job, status=dg.DagsterRunStatus.SUCCESS)
    assert isinstance(tick(pair, instance), dg.RunRequest)


def test_the_way_back_is_off_unless_it_is_switched_on(pair: Pair) -> None:
    settings = settings_of(pair, scouter_way_back=False)
    assert INBOUND_KEY not in all_definitions(settings).resolve_all_asset_keys()
    assert INBOUND_KEY in all_definitions(settings_of(pair)).resolve_all_asset_keys()
    assert read_settings(None).scouter_way_back is False


@pytest.mark.parametrize(
    ("environment", "running"),
    [("demo", dg.DefaultSensorStatus.RUNNING), ("development", dg.DefaultSensorStatus.STOPPED)],
)
def test_automation_runs_where_it_is_expected_to(
    pair: Pair, environment: str, running: dg.DefaultSensorStatus
) -> None:
    found = definitions(pair, sync_env=environment)
    assert found.resolve_asset_graph().materializable_asset_keys == {INBOUND_KEY}
    assert found.resolve_sensor_def(SENSOR).default_status == running
