"""A person decides about a conflict in the launchpad."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from sync_pipelines.scouter.defs.conflict_jobs import scouter_choose_conflicts
from sync_pipelines.scouter.defs.definitions import reverse_sync_definitions
from sync_pipelines.scouter.defs.reverse_automation import SENSOR, inbound_job
from sync_pipelines.scouter.defs.reverse_descriptions import AGREED
from sync_pipelines.settings.scouter import ScouterSettings
from sync_pipelines_tests.scouter.installation import Installation
from sync_pipelines_tests.scouter.reverse.test_convergence import LEAD, NAMES, both, edit_there, push, sides

__all__ = ["both"]


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def conflicting(both: Installation) -> Installation:
    both.edit(LEAD, name="Ana Daqui", etapa="daqui")
    edit_there(both, LEAD, nome="Ana de Lá", etapa="de lá")
    return both


def definitions(installation: Installation) -> dg.Definitions:
    settings = ScouterSettings.model_validate(installation.settings.model_dump())
    return reverse_sync_definitions(settings, installation.reverse_sync())


def launched(
    installation: Installation, instance: dg.DagsterInstance, name: str, config: Any = None
) -> dg.ExecuteInProcessResult:
    job = definitions(installation).resolve_job_def(name)
    return job.execute_in_process(config or {}, instance=instance, raise_on_error=False)


def test_a_conflict_is_shown_without_personal_values_and_closed_by_a_choice(
    conflicting: Installation, instance: dg.DagsterInstance
) -> None:
    drained = launched(conflicting, instance, inbound_job.name)
    (verdict,) = [one for one in drained.get_asset_check_evaluations() if one.check_name == AGREED]
    assert (verdict.passed, verdict.severity) == (False, dg.AssetCheckSeverity.WARN)
    (made,) = drained.asset_materializations_for_node("scouter__leads_inbound")
    table = str(made.metadata["open_conflicts"].value)
    assert "Ana" not in table
    assert '"daqui"' in table
    assert '"de lá"' in table
    numbers = [
        row[0] for row in conflicting.tab.execute("select id from sync_private.lead_conflicts").fetchall()
    ]
    chosen = launched(
        conflicting,
        instance,
        scouter_choose_conflicts.name,
        config={"ops": {"choose_conflicts": {"config": {"conflicts": numbers, "take": "other"}}}},
    )
    assert chosen.success
    push(conflicting)
    assert sides(conflicting, *NAMES)[:2] == [("Ana Daqui", "Ana Daqui"), ("daqui", "daqui")]
    again = launched(conflicting, instance, inbound_job.name)
    (verdict,) = [one for one in again.get_asset_check_evaluations() if one.check_name == AGREED]
    assert verdict.passed


def test_an_unknown_choice_is_refused_by_the_launchpad(
    conflicting: Installation, instance: dg.DagsterInstance
) -> None:
    config = {"ops": {"choose_conflicts": {"config": {"conflicts": [1], "take": "neither"}}}}
    with pytest.raises(dg.DagsterInvalidConfigError):
        launched(conflicting, instance, scouter_choose_conflicts.name, config=config)


def test_while_a_push_works_changes_wait_and_the_sensor_says_so(
    conflicting: Installation, instance: dg.DagsterInstance
) -> None:
    sensor = definitions(conflicting).resolve_sensor_def(SENSOR)
    with dg.build_sensor_context(instance=instance) as context:
        with conflicting.push.alone():
            asked = sensor.evaluate_tick(context)
        assert "A push is under way" in (asked.skip_message or "")
        assert sensor.evaluate_tick(context).run_requests
