"""What a person is told of a failed run: which data, since when the last good ones, what comes next, what to do.

Portuguese, because its readers are the applications' users; the technical sentence stands at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

import dagster as dg

from sync_pipelines.lib.alerts import Alert
from sync_pipelines.lib.orchestration.partition_runs import failure_sentence

#: How many assets a title names.
NAMED = 3
_RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
_BY_HAND = "sync/launched_by"


def sentences_of(failures: Sequence[dg.DagsterEvent], failure: dg.DagsterEvent) -> str:
    """The technical sentences of a failed run."""
    sentences = [failure_sentence(event.step_failure_data) for event in failures]
    return " ".join(sentences) or failure.message or "sem mensagem"


def failed_partitions_of(failures: Sequence[dg.DagsterEvent]) -> tuple[str, ...]:
    """The partitions that a run over a range names as those that failed; its others are done."""
    found: set[str] = set()
    for event in failures:
        told = event.step_failure_data.user_failure_data
        named = told.metadata.get("failed_partitions") if told else None
        if isinstance(named, dg.JsonMetadataValue) and isinstance(named.data, list):
            found |= {str(partition) for partition in named.data}
    return tuple(sorted(found))


@dataclass(frozen=True)
class FailedRun:
    """A run that failed, what is known of its surroundings, and when that is looked at."""

    run: dg.DagsterRun
    instance: dg.DagsterInstance
    repository: dg.RepositoryDefinition | None
    detail: str
    ui_url: str
    zone: tzinfo
    now: datetime
    #: Of a run over a range those that failed; empty where it does not say.
    failed_partitions: tuple[str, ...] = ()

    def alert(self) -> Alert:
        assets = self._assets()
        system = assets[0].path[0] if assets else self.run.job_name.split("_")[0]
        names = ", ".join(asset.path[-1] for asset in assets[:NAMED]) or self.run.job_name
        more = f" e mais {len(assets) - NAMED}" if len(assets) > NAMED else ""
        partitions = self._partitions()
        title = f"execução falhou: {names}{more}" + (f" ({partitions})" if partitions else "")
        lines = [
            f"Sistema: {system}",
            f"Ativos: {', '.join(asset.to_user_string() for asset in assets)}"
            if assets
            else f"Job: {self.run.job_name}",
            f"Partições: {partitions}" if partitions else "",
            f"Quando: {self._moment(self.now)}",
            f"Últimos dados bons: {self._last_good(assets)}" if assets else "",
            f"Próxima tentativa: {self._next_try()}",
            f"O que fazer: {self._what_to_do()}",
            f"Execução: {self.ui_url.rstrip('/')}/runs/{self.run.run_id}",
            f"Detalhe: {self.detail}",
        ]
        return Alert(system, title, "\n".join(filter(None, lines)))

    def _assets(self) -> list[dg.AssetKey]:
        """What the run was to materialize; of a run that never came so far, what it was asked for."""
        planned = self.instance.all_logs(
            self.run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
        )
        keys = {event.asset_key for entry in planned if (event := entry.dagster_event) and event.asset_key}
        return sorted(keys or set(self.run.asset_selection or ()))

    def _partitions(self) -> str | None:
        if failed := self.failed_partitions:
            more = f" e mais {len(failed) - NAMED}" if len(failed) > NAMED else ""
            return ", ".join(failed[:NAMED]) + more
        one = self.run.tags.get("dagster/partition")
        first, last = (self.run.tags.get(name) for name in _RANGE)
        return one or (f"{first} a {last}" if first != last else first)

    def _last_good(self, assets: Sequence[dg.AssetKey]) -> str:
        """The oldest among the newest data of the assets, of the partitions that failed where they are known."""
        partitions = self.failed_partitions or tuple(filter(None, [self.run.tags.get("dagster/partition")]))
        newest = [found for asset in assets if (found := self._newest(asset, partitions))]
        if not newest:
            return "não há nenhum registro" + (" destas partições" if partitions else "")
        record = min(newest, key=lambda one: one.timestamp)
        of = f", partição {record.partition_key}" if record.partition_key else ""
        moment = self._moment(datetime.fromtimestamp(record.timestamp, UTC))
        return f"{record.asset_key.to_user_string()} em {moment}{of}" if record.asset_key else moment

    def _newest(self, asset: dg.AssetKey, partitions: Sequence[str]) -> dg.EventLogRecord | None:
        wanted = dg.AssetRecordsFilter(asset, asset_partitions=list(partitions) or None)
        records = self.instance.fetch_materializations(wanted, limit=1).records
        return records[0] if records else None

    def _next_try(self) -> str:
        if self.repository is None:
            return "pelo próximo agendamento"
        job = self.run.job_name
        running = dg.DefaultScheduleStatus.RUNNING
        schedules = [
            (moment, schedule.name)
            for schedule in self.repository.schedule_defs
            if schedule.job_name == job and schedule.default_status is running
            for moment in _next_ticks(schedule, self.now)
        ]
        if schedules:
            moment, name = min(schedules)
            return f"{self._moment(moment)}, pelo agendamento {name}"
        sensors = [
            sensor.name
            for sensor in self.repository.sensor_defs
            if sensor.default_status is dg.DefaultSensorStatus.RUNNING
            and any(target.job_name == job for target in sensor.targets)
        ]
        return f"sozinha, pelo sensor {sensors[0]}" if sensors else "nenhuma automática"

    def _what_to_do(self) -> str:
        again = "abra o ativo na interface do Dagster e use Materialize nas partições que falharam"
        if _BY_HAND in self.run.tags:
            again = "repita o comando"
        return (
            f"leia o detalhe abaixo e o runbook do README. Corrigida a causa, {again};"
            " o que já estava pronto não precisa ser repetido."
        )

    def _moment(self, moment: datetime) -> str:
        return f"{moment.astimezone(self.zone):%d/%m/%Y %H:%M} ({self.zone})"


def _next_ticks(schedule: dg.ScheduleDefinition, now: datetime) -> Iterator[datetime]:
    crons = schedule.cron_schedule
    for cron in [crons] if isinstance(crons, str) else crons:
        ticks = dg.TimeWindowPartitionsDefinition(
            start=now - timedelta(days=366),
            fmt="%Y-%m-%d %H:%M",
            cron_schedule=cron,
            timezone=schedule.execution_timezone or "UTC",
        )
        window = ticks.get_next_partition_window(now, respect_bounds=False)
        if window is not None:
            yield window.start
