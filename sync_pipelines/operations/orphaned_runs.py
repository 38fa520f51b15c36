"""What a person reads about orphaned runs that were closed. Portuguese, because the applications' users read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sync_pipelines.lib.alerts import Alert, Channel, send_alert
from sync_pipelines.lib.records.orphaned_runs import Orphan, WatchedProject

#: How many runs a message names; of more it gives the number.
NAMED = 5


@dataclass(frozen=True)
class OrphanNotifier:
    """Notifies a person of the orphans of a project, in one message.

    In the demo rows of another program are not notified: they are part of what it shows.
    """

    channels: Sequence[Channel]
    is_demo: bool = False

    def __call__(self, project: WatchedProject, orphans: Sequence[Orphan]) -> None:
        if alert := self.alert(project.system, orphans):
            send_alert(alert, self.channels)

    def alert(self, system: str, orphans: Sequence[Orphan]) -> Alert | None:
        """The message, None if there is nothing to say."""
        ours = [orphan for orphan in orphans if orphan.is_ours]
        foreign = [] if self.is_demo else [orphan for orphan in orphans if not orphan.is_ours]
        texts = [_of_ours(ours)] if ours else []
        texts += [_of_others(foreign)] if foreign else []
        if not texts:
            return None
        count = len(ours) + len(foreign)
        title = "execução interrompida" if count == 1 else f"{count} execuções interrompidas"
        return Alert(system, title, "\n\n".join(texts), severity="erro" if ours else "aviso")


def _of_ours(orphans: Sequence[Orphan]) -> str:
    one = len(orphans) == 1
    what = f"A execução {orphans[0].id} terminou" if one else f"As execuções {_names(orphans)} terminaram"
    return (
        f"{what} sem concluir: o processo que {'a' if one else 'as'} conduzia não existe mais. Nada ficou gravado pela"
        " metade, e o próximo agendamento faz o que falta. Para repetir agora, abra o ativo na interface do Dagster"
        " e use Materialize."
    )


def _of_others(orphans: Sequence[Orphan]) -> str:
    oldest = min((orphan.started_at for orphan in orphans if orphan.started_at), default=None)
    since = f", a mais antiga de {oldest:%d/%m/%Y}" if oldest else ""
    what = (
        f"A execução {orphans[0].id} foi encerrada como abandonada"
        if len(orphans) == 1
        else f"{len(orphans)} execuções ({_names(orphans)}) foram encerradas como abandonadas"
    )
    return (
        f"{what}{since}: outro programa as abriu há mais de uma hora e não as concluiu. Não sabemos o que elas"
        " gravaram; os dados que este projeto publica são comparados por conta própria, e não dependem delas."
    )


def _names(orphans: Sequence[Orphan]) -> str:
    more = f" e mais {len(orphans) - NAMED}" if len(orphans) > NAMED else ""
    return ", ".join(orphan.id for orphan in orphans[:NAMED]) + more
