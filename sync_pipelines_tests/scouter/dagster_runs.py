"""Runs of the lead push through Dagster, in this process, looked at through the instance that keeps their events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg

from sync_pipelines.scouter.defs import definitions
from sync_pipelines_tests.scouter.installation import Installation


@dataclass
class LaunchedRun:
    """A finished run."""

    instance: dg.DagsterInstance
    result: dg.ExecuteInProcessResult

    @property
    def status(self) -> dg.DagsterRunStatus:
        return self.run.status

    @property
    def run(self) -> dg.DagsterRun:
        found = self.instance.get_run_by_id(self.result.run_id)
        assert found is not None
        return found

    @property
    def materialized(self) -> dict[str | None, Mapping[str, Any]]:
        """The metadata of what was materialized, by partition."""
        return {
            made.partition: {name: value.value for name, value in made.metadata.items()}
            for made in (
                event.step_materialization_data.materialization
                for event in self.events(dg.DagsterEventType.ASSET_MATERIALIZATION)
            )
        }

    def verdicts(self, check: str) -> dict[str | None, tuple[bool, str]]:
        found = [
            event.asset_check_evaluation_data
            for event in self.events(dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        ]
        return {
            one.partition: (one.passed, one.description or "") for one in found if one.check_name == check
        }

    def events(self, kind: dg.DagsterEventType) -> list[dg.DagsterEvent]:
        records = self.instance.all_logs(self.result.run_id, of_type=kind)
        return [record.get_dagster_event() for record in records]

    @property
    def messages(self) -> list[str]:
        return [record.user_message for record in self.instance.all_logs(self.result.run_id)]

    @property
    def failure(self) -> str:
        (event,) = self.events(dg.DagsterEventType.STEP_FAILURE)
        data = event.step_failure_data.user_failure_data
        assert data is not None, event
        return data.description or ""


def launch(
    installation: Installation,
    instance: dg.DagsterInstance,
    job: str,
    *,
    days: tuple[date | str, date | str] | None = None,
    ops: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
) -> LaunchedRun:
    """Run a job of the system over a range of days (oldest, newest) where given; `ops` are configs by op."""
    given = dict(tags or {})
    if days:
        oldest, newest = map(str, days)
        given |= {"dagster/asset_partition_range_start": oldest, "dagster/asset_partition_range_end": newest}
    result = (
        definitions.definitions(installation.settings, installation.push)
        .resolve_job_def(job)
        .execute_in_process(
            instance=instance,
            raise_on_error=False,
            tags=given,
            run_config={"ops": {name: {"config": config} for name, config in (ops or {}).items()}},
        )
    )
    return LaunchedRun(instance, result)


def push(
    installation: Installation,
    instance: dg.DagsterInstance,
    newest: date | str,
    oldest: date | str,
    **config: Any,
) -> LaunchedRun:
    """Run the push over a range of days, as a backfill does."""
    return launch(
        installation, instance, "scouter_push", days=(oldest, newest), ops={"scouter_leads_export": config}
    )
