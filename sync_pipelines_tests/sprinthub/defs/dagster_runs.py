"""Runs and ticks of the segments through Dagster, in this process, looked at through what the instance keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import psycopg

from sync_pipelines.sandbox.sprinthub.fake import SprinthubFake
from sync_pipelines.settings.sprinthub import SprinthubSettings
from sync_pipelines.sprinthub.defs.definitions import definitions
from sync_pipelines.sprinthub.defs.descriptions import SEGMENTS
from sync_pipelines.sprinthub.pipeline import SegmentSync

#: Half past six: the tick of 06:00 is over.
NOW = datetime(2026, 3, 10, 6, 30, tzinfo=UTC)


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class LaunchedRun:
    """A finished run."""

    instance: dg.DagsterInstance
    run_id: str
    success: bool

    def materialized(self, asset: str) -> dict[str | None, Mapping[str, Any]]:
        """The metadata of what was materialized of an asset, by partition."""
        return {
            made.partition: {name: value.value for name, value in made.metadata.items()}
            for made in (
                event.step_materialization_data.materialization
                for event in self.events(dg.DagsterEventType.ASSET_MATERIALIZATION)
            )
            if made.asset_key.path[-1] == asset
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

    settings: SprinthubSettings
    sync: SegmentSync
    instance: dg.DagsterInstance
    oficialmed: psycopg.Connection[Any]
    crm: SprinthubFake
    clock: Clock = field(default_factory=Clock)

    @property
    def definitions(self) -> dg.Definitions:
        return definitions(self.settings, self.sync, clock=self.clock)

    def segment(self, number: int, leads: int | None = None, status: str = "active", due: Any = None) -> None:
        """A segment of the control table, which the CRM has as well if it gets leads."""
        self.oficialmed.execute(
            "insert into public.sync_segments_control (segment_id, status, next_execution) values (%s, %s, %s)",
            (number, status, due),
        )
        if leads is not None:
            self.crm.tenant.add_segment(number, leads=leads)

    def control(self, number: int) -> tuple[Any, ...]:
        """Status, last and next execution of a segment."""
        row = self.oficialmed.execute(
            "select status, last_execution, next_execution from public.sync_segments_control"
            " where segment_id = %s",
            [number],
        ).fetchone()
        assert row is not None
        return row

    def launch(self, *segments: int, **config: Any) -> LaunchedRun:
        """Run the job over segments that are neighbours: one by its key, several as a range."""
        keys = [str(one) for one in segments]
        known = set(self.instance.get_dynamic_partitions("segment"))
        self.instance.add_dynamic_partitions("segment", [key for key in keys if key not in known])
        ends = {
            "dagster/asset_partition_range_start": keys[0],
            "dagster/asset_partition_range_end": keys[-1],
        }
        where: dict[str, Any] = {"partition_key": keys[0]} if len(keys) == 1 else {"tags": ends}
        ops = {"sprinthub_segments": {"config": config}}
        return self._run("sprinthub_sync", run_config={"ops": ops}, **where)

    def job(self, name: str, op: str | None = None, **config: Any) -> LaunchedRun:
        return self._run(name, run_config={"ops": {op: {"config": config}}} if op else {})

    def sensor(self, name: str) -> dg.SensorExecutionData:
        """One evaluation, whose changes of partitions are made as the daemon makes them."""
        repository = self.definitions.get_repository_def()
        context = dg.build_sensor_context(
            instance=self.instance, instance_ref=self.instance.get_ref(), repository_def=repository
        )
        data = repository.get_sensor_def(name).evaluate_tick(context)
        for request in data.dynamic_partitions_requests:
            if isinstance(request, dg.AddDynamicPartitionsRequest):
                self.instance.add_dynamic_partitions(str(SEGMENTS.name), list(request.partition_keys))
            else:
                for key in request.partition_keys:
                    self.instance.delete_dynamic_partition(str(SEGMENTS.name), key)
        return data

    def schedule(self, name: str) -> Any:
        repository = self.definitions.get_repository_def()
        context = dg.build_schedule_context(
            instance=self.instance, scheduled_execution_time=self.clock.now, repository_def=repository
        )
        return repository.get_schedule_def(name).evaluate_tick(context)

    def unfinished(self, **tags: str) -> dg.DagsterRun:
        """A run of the job that is under way."""
        job = self.definitions.resolve_job_def("sprinthub_sync")
        return self.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=tags)

    def _run(self, job: str, **options: Any) -> LaunchedRun:
        result = self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance, raise_on_error=False, **options
        )
        return LaunchedRun(self.instance, result.run_id, result.success)
