"""Launches jobs of AIMindset and its command `verify` in this process, and reads what they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg
from click.testing import Result
from typer.testing import CliRunner

from sync_pipelines.aimindset.defs import definitions as system
from sync_pipelines.cli.app import app
from sync_pipelines_tests.aimindset.conftest import TODAY, Project


def launch(
    project: Project,
    instance: dg.DagsterInstance,
    job: str = "aimindset_backup",
    partition: str | None = TODAY,
    **config: object,
) -> dg.ExecuteInProcessResult:
    definitions = system.definitions(project.settings, project.pipeline)
    return definitions.resolve_job_def(job).execute_in_process(
        instance=instance,
        raise_on_error=False,
        partition_key=partition,
        run_config={"ops": {"aimindset_day": {"config": config}}} if config else None,
    )


def metadata_of(result: dg.ExecuteInProcessResult) -> dict[str, Mapping[str, Any]]:
    made = [
        event.step_materialization_data.materialization
        for event in result.all_node_events
        if event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION
    ]
    return {
        one.asset_key.path[-1]: {name: value.value for name, value in one.metadata.items()} for one in made
    }


def verdicts(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {one.check_name: one for one in result.get_asset_check_evaluations()}


def failure(result: dg.ExecuteInProcessResult) -> str:
    (event,) = [event for event in result.all_node_events if event.is_step_failure]
    return str(event.step_failure_data.user_failure_data.description)


def verify(project: Project, *arguments: str) -> Result:
    settings = project.settings
    ops = settings.ops_database_url
    assert ops is not None
    given = {"OPS_DATABASE_URL": ops.get_secret_value(), "LANDING_URL": settings.landing_url}
    return CliRunner().invoke(app, ["verify", *arguments], env=given)
