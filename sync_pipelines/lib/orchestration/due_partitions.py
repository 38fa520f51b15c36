"""Which partitions of a control table a schedule or sensor starts: those that are due and that no run works on.

A run that fails moves the time at which its partition is due. One that died could not, so its partition is due at once
and would be started again, and die again, every half minute: such a partition rests.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import dagster as dg

from sync_pipelines.lib.orchestration.schedules import schedule_status, sensor_status
from sync_pipelines.lib.orchestration.table_partitions import add_missing, unfinished_targets

_FAILED = {dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
#: Runs of a partition that are looked at for those in vain; 15 minutes doubled so often are more than a day.
_LOOKED_AT = 8
#: When a partition is tried again whose last runs died: by the end of the newest, and how many there were.
RetryAt = Callable[[datetime, int], datetime]


class Tick(NamedTuple):
    """The partitions that a tick starts, by their keys, and sentences on due ones that it leaves alone."""

    noun: str
    starts: list[str]
    #: Keys of what is due, of which some may be no partitions yet.
    keys: list[str]
    left_alone: list[str]

    def skip_sentence(self) -> str:
        return " ".join(self.left_alone) or f"No {self.noun} is due."


@dataclass(frozen=True)
class DuePartitions:
    """The partitions of a job that a control table makes due. `noun` is what a person calls one."""

    noun: str
    partitions: dg.DynamicPartitionsDefinition
    job: str
    #: The multi-asset, which is the step of every run.
    step: str
    assets: Sequence[dg.AssetKey]
    #: On every run that is requested: dagster.yaml limits how many run at once, and to one a partition.
    tag: str
    #: Other jobs whose runs work on the partitions.
    also: Collection[str] = ()

    def tick(
        self,
        instance: dg.DagsterInstance,
        due: Mapping[str, datetime | None],
        *,
        at_work: Callable[[], Collection[str]],
        now: datetime,
        retry_at: RetryAt | None = None,
    ) -> Tick:
        """What to start of `due`, the keys with the time since when they are due, in the order of the table.

        `at_work` are those whose lock a process holds: the command line may have no part in Dagster's database. With
        `retry_at` those whose last runs died rest.
        """
        tick = Tick(self.noun, [], list(due), left_alone=[])
        if not due:
            return tick
        known = instance.get_dynamic_partitions(str(self.partitions.name))
        # A key that is no partition yet may be a run's: the command line adds it as its run begins.
        order = [*known, *(key for key in due if key not in known)]
        jobs, held = {self.job, *self.also}, at_work()
        targets = unfinished_targets(instance, order, jobs=jobs, assets=self.assets)
        for key, due_at in due.items():
            if targets.has(key) or key in held:
                tick.left_alone.append(f"A run of {self.noun} {key} is under way.")
            elif (
                retry_at
                and (until := self._rests_until(instance, key, due_at, retry_at=retry_at))
                and now < until
            ):
                tick.left_alone.append(
                    f"The last runs of {self.noun} {key} died; the next is at {until.astimezone(UTC):%H:%M:%S} UTC."
                )
            else:
                tick.starts.append(key)
        return tick

    def request(self, key: str, run_key: str | None = None) -> dg.RunRequest:
        """A run of one partition, which leaves it alone if it is not due any more when the run begins."""
        return dg.RunRequest(
            run_key=run_key,
            partition_key=key,
            tags={self.tag: key},
            run_config={"ops": {self.step: {"config": {"only_if_due": True}}}},
        )

    def _rests_until(
        self, instance: dg.DagsterInstance, key: str, due_at: datetime | None, retry_at: RetryAt
    ) -> datetime | None:
        """When a partition whose last runs ended without a word in the control table is tried again."""
        ends: list[datetime] = []
        for record in instance.get_run_records(dg.RunsFilter(tags={self.tag: key}), limit=_LOOKED_AT):
            end = record.end_time or record.create_timestamp.timestamp()
            ended = datetime.fromtimestamp(end, UTC)
            is_recorded = due_at is not None and due_at >= ended
            if record.dagster_run.status not in _FAILED or is_recorded:
                break
            ends.append(ended)
        return retry_at(ends[0], len(ends)) if ends else None


#: A tick of an instance; with True none of the partitions whose last runs died.
Look = Callable[[dg.DagsterInstance, bool], Tick]


def due_schedule(
    name: str,
    due: DuePartitions,
    look: Look,
    job: Any,
    *,
    cron: str,
    zone: str,
    on: bool,
    description: str,
) -> dg.ScheduleDefinition:
    """A schedule that starts every due partition at its tick, also those whose last runs died."""

    @dg.schedule(
        name=name,
        job=job,
        cron_schedule=cron,
        execution_timezone=zone,
        default_status=schedule_status(on),
        description=description,
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        tick = look(context.instance, False)
        if not tick.starts:
            return dg.SkipReason(tick.skip_sentence())
        add_missing(context.instance, due.partitions, tick.keys)
        moment = context.scheduled_execution_time.isoformat()
        # Where a schedule requests several runs, Dagster wants a key for each.
        return [due.request(key, run_key=f"{key}:{moment}") for key in tick.starts]

    return schedule


def due_sensor(
    name: str, due: DuePartitions, look: Look, job: Any, *, on: bool, description: str
) -> dg.SensorDefinition:
    """A sensor that starts partitions as they become due between the ticks of the schedule."""

    @dg.sensor(
        name=name,
        job=job,
        minimum_interval_seconds=30,
        default_status=sensor_status(on),
        description=description,
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        tick = look(context.instance, True)
        if not tick.starts:
            return dg.SkipReason(tick.skip_sentence())
        known = set(context.instance.get_dynamic_partitions(str(due.partitions.name)))
        missing = [key for key in tick.keys if key not in known]
        return dg.SensorResult(
            # No run key: it would forbid the next try, and two runs are never under way.
            run_requests=[due.request(key) for key in tick.starts],
            dynamic_partitions_requests=[due.partitions.build_add_request(missing)] if missing else [],
        )

    return sensor
