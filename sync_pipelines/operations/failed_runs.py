"""What a person reads about a failed run: which data, since when the last good ones, what comes next, what to do.

Portuguese, because the applications' users read it; the technical sentence stands at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sync_pipelines.lib.alerts import Alert
from sync_pipelines.operations.alerting import Alerting

#: How many assets or partitions a title names.
NAMED = 3


class LastGood(NamedTuple):
    """The newest materialization of an asset."""

    asset: str
    partition: str | None
    moment: datetime


class NextTry(NamedTuple):
    """What runs the job again by itself: a schedule with its next tick, or a sensor."""

    name: str
    moment: datetime | None


@dataclass(frozen=True)
class FailedRun:
    """The facts of a failed run. Assets are keys such as `hitss/dre_lines`."""

    run_id: str
    job: str
    failed_at: datetime
    detail: str
    assets: Sequence[str] = ()
    #: The partitions that failed, where they are known; otherwise the run's range, by its first and last.
    partitions: Sequence[str] = ()
    partition_range: tuple[str, str] | None = None
    #: The oldest among the newest good data of the assets, of these partitions.
    last_good: LastGood | None = None
    #: None also where nothing runs the job by itself.
    next_try: NextTry | None = None
    #: False for a run of the command line, which belongs to no code location: its schedules are not known.
    knows_schedules: bool = True
    #: Whether a person typed it on the command line.
    by_hand: bool = False

    def alert(self, alerting: Alerting) -> Alert:
        system = self.assets[0].split("/")[0] if self.assets else self.job.split("_")[0]
        names = ", ".join(asset.split("/")[-1] for asset in self.assets[:NAMED]) or self.job
        more = f" e mais {len(self.assets) - NAMED}" if len(self.assets) > NAMED else ""
        partitions = self._partitions()
        title = f"execução falhou: {names}{more}" + (f" ({partitions})" if partitions else "")
        lines = [
            f"Sistema: {system}",
            f"Ativos: {', '.join(self.assets)}" if self.assets else f"Job: {self.job}",
            f"Partições: {partitions}" if partitions else "",
            f"Quando: {alerting.moment(self.failed_at)}",
            f"Últimos dados bons: {self._last_good(alerting)}" if self.assets else "",
            f"Próxima tentativa: {self._next_try(alerting)}",
            f"O que fazer: {self._what_to_do()}",
            f"Execução: {alerting.link(self.run_id)}",
            f"Detalhe: {self.detail}",
        ]
        return Alert(system, title, "\n".join(filter(None, lines)))

    def _partitions(self) -> str | None:
        if self.partitions:
            more = f" e mais {len(self.partitions) - NAMED}" if len(self.partitions) > NAMED else ""
            return ", ".join(self.partitions[:NAMED]) + more
        if self.partition_range is None:
            return None
        first, last = self.partition_range
        return f"{first} a {last}" if first != last else first

    def _last_good(self, alerting: Alerting) -> str:
        found = self.last_good
        if found is None:
            return "não há nenhum registro" + (" destas partições" if self.partitions else "")
        of = f", partição {found.partition}" if found.partition else ""
        return f"{found.asset} em {alerting.moment(found.moment)}{of}"

    def _next_try(self, alerting: Alerting) -> str:
        if not self.knows_schedules:
            return "pelo próximo agendamento"
        if self.next_try is None:
            return "nenhuma automática"
        if self.next_try.moment is None:
            return f"sozinha, pelo sensor {self.next_try.name}"
        return f"{alerting.moment(self.next_try.moment)}, pelo agendamento {self.next_try.name}"

    def _what_to_do(self) -> str:
        again = "abra o ativo na interface do Dagster e use Materialize nas partições que falharam"
        if self.by_hand:
            again = "repita o comando"
        return (
            f"leia o detalhe abaixo e o runbook (docs/runbook.md). Corrigida a causa, {again};"
            " o que já estava pronto não precisa ser repetido."
        )
