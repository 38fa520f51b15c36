"""Runs and ticks of the connections through Dagster, in this process, looked at through what the instance keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg

from sync_pipelines.erp.defs.definitions import definitions
from sync_pipelines.erp.defs.descriptions import CONNECTIONS, month_key
from sync_pipelines.erp.defs.due_connections import STEP
from sync_pipelines.erp.pipeline import ConnectionSync
from sync_pipelines_tests.erp.installation import Connected, Installed

PARTITIONS = str(CONNECTIONS.name)
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


@dataclass
class LaunchedRun:
    """A finished run."""

    instance: dg.DagsterInstance
    run_id: str
    success: bool

    def materialized(self, asset: str) -> dict[str | None, Mapping[str, Any]]:
        """The metadata of what was materialized of an asset, by partition; two events of one are an error."""
        found: dict[str | None, Mapping[str, Any]] = {}
        for event in self.events(dg.DagsterEventType.ASSET_MATERIALIZATION):
            made = event.step_materialization_data.materialization
            if made.asset_key.path[-1] == asset:
                assert made.partition not in found
                found[made.partition] = {name: value.value for name, value in made.metadata.items()}
        return found

    def verdicts(self, check: str) -> dict[str | None, tuple[bool, str]]:
        """Whether a check passed, and its sentence, by partition."""
        found = [
            event.asset_check_evaluation_data
            for event in self.events(dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        ]
        return {
            one.partition: (one.passed, one.description or "") for one in found if one.check_name == check
        }

    def events(self, kind: dg.DagsterEventType) -> list[dg.DagsterEvent]:
        records = self.instance.all_logs(self.run_id, of_type=kind)
        return [record.get_dagster_event() for record in records]

    @property
    def failure(self) -> str:
        (event,) = self.events(dg.DagsterEventType.STEP_FAILURE)
        data = event.step_failure_data.user_failure_data
        assert data is not None, event
        return data.description or ""


@dataclass
class Dagster:
    """The definitions and an instance."""

    installed: Installed
    instance: dg.DagsterInstance
    url: str | None = None

    @property
    def sync(self) -> ConnectionSync:
        return self.installed.pipeline()

    @property
    def definitions(self) -> dg.Definitions:
        settings = self.installed.settings
        if self.url is not None:
            settings = settings.model_copy(update={"erp_database_url": self.url})
        return definitions(settings, self.sync, clock=self.installed.clock)

    def add(self, *ones: Connected) -> list[str]:
        """Partitions of connections, as the sensor makes them."""
        known = set(self.instance.get_dynamic_partitions(PARTITIONS))
        keys = [one.key for one in ones]
        self.instance.add_dynamic_partitions(PARTITIONS, [key for key in keys if key not in known])
        return keys

    def launch(self, *ones: Connected, **config: Any) -> LaunchedRun:
        """Run the job over connections that are neighbours: one by its key, several as a range."""
        keys = self.add(*ones)
        where: dict[str, Any] = (
            {"partition_key": keys[0]}
            if len(keys) == 1
            else {"tags": dict(zip(RANGE, (keys[0], keys[-1]), strict=True))}
        )
        return self.run("erp_sync", run_config={"ops": {STEP: {"config": config}}}, **where)

    def backfill(
        self, first: tuple[Connected, date], last: tuple[Connected, date], **config: Any
    ) -> LaunchedRun:
        """Run `erp/nfe` over a rectangle of connections and months, as one run."""
        ends = [str(month_key(one.key, month)) for one, month in (first, last)]
        given = {"ops": {"erp_invoice_months": {"config": config}}}
        return self.run("erp_invoices", run_config=given, tags=dict(zip(RANGE, ends, strict=True)))

    def run(self, job: str, **options: Any) -> LaunchedRun:
        result = self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance, raise_on_error=False, **options
        )
        return LaunchedRun(self.instance, result.run_id, result.success)

    def act(self, name: str, connection: str) -> LaunchedRun:
        """Run one of the jobs on a connection."""
        return self.run(name, run_config={"ops": {f"{name}_op": {"config": {"connection": connection}}}})

    def sensor(self, name: str) -> dg.SensorExecutionData:
        """One evaluation, whose changes of partitions are made as the daemon makes them."""
        repository = self.definitions.get_repository_def()
        context = dg.build_sensor_context(
            instance=self.instance, instance_ref=self.instance.get_ref(), repository_def=repository
        )
        data = repository.get_sensor_def(name).evaluate_tick(context)
        for request in data.dynamic_partitions_requests or ():
            if isinstance(request, dg.AddDynamicPartitionsRequest):
                self.instance.add_dynamic_partitions(PARTITIONS, list(request.partition_keys))
            else:
                for key in request.partition_keys:
                    self.instance.delete_dynamic_partition(PARTITIONS, key)
        return data

    def schedule(self, name: str) -> Any:
        repository = self.definitions.get_repository_def()
        context = dg.build_schedule_context(
            instance=self.instance,
            scheduled_execution_time=self.installed.clock.now,
            repository_def=repository,
        )
        return repository.get_schedule_def(name).evaluate_tick(context)

    def unfinished(self, job: str = "erp_sync", **tags: str) -> dg.DagsterRun:
        """A run of the job that is under way."""
        found = self.definitions.resolve_job_def(job)
        return self.instance.create_run_for_job(found, status=dg.DagsterRunStatus.STARTED, tags=tags)

    def partitions(self) -> list[str]:
        return list(self.instance.get_dynamic_partitions(PARTITIONS))
