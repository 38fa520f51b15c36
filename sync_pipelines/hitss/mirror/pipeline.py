"""A run of the mirror with its records: what the assets, the command line and the benchmark call."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

import psycopg

from sync_pipelines.hitss.dre import tables
from sync_pipelines.hitss.mirror.adoption import DECISIONS, Decision
from sync_pipelines.hitss.mirror.session import DESTINATION, SOURCE, Mirror, MirrorOutcome, MirrorSession
from sync_pipelines.hitss.mirror.table import Side, month_label
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, SyncError, TransientError
from sync_pipelines.lib.postgres.digest import Proof
from sync_pipelines.lib.records import Records, open_records, run_log
from sync_pipelines.lib.records.proofs import RecordableProof
from sync_pipelines.settings.hitss import HitssSettings

ASSET = "hitss/dre_mirror"
#: The log lines bear the name of the Edge Function that was to do this.
EXECUTIONS = tables.EXECUTIONS._replace(source="sync-dre-data")
STARTED = "Iniciando o espelhamento do DRE."


@dataclass(frozen=True)
class MirrorPipeline:
    """The mirror with its settings and the way it waits."""

    settings: HitssSettings
    wait_seconds: float = 600.0
    sleep: Callable[[float], None] = time.sleep

    @contextmanager
    def open(self, run_id: str, accepted: Collection[str] = ()) -> Iterator[MirrorRun]:
        """Open a run: its rows in both projects, the lock, both sides compared.

        `accepted` may hold one of DECISIONS, for the months of this run that hold rows of both kinds. Raises
        SyncError: a database cannot be reached, or is not of the newest structure.
        """
        source = self.settings.fabricio_url
        destination = self.settings.mirror_url
        mirror = Mirror(source, destination, wait_seconds=self.wait_seconds, sleep=self.sleep)

        def record(url: str, what: str) -> AbstractContextManager[run_log.Execution]:
            return run_log.execution(
                url, EXECUTIONS, run_id=run_id, what=what, started=STARTED, details={"phase": "mirror"}
            )

        # The destination first: what is not as it should be there is told before anything is read or written.
        _require_newest(destination, "hitss")
        _require_newest(source, "fabricio")
        with (
            record(source, SOURCE) as here,
            record(destination, DESTINATION) as there,
            open_records(self.settings.ops_url) as records,
        ):
            kept = records.decisions.of(ASSET)
            with mirror.open(there.id, decided=kept.keys(), decision=_decision(accepted)) as session:
                run = MirrorRun(
                    session=session,
                    records=records,
                    executions=(here, there),
                    run_id=run_id,
                    kept=frozenset(kept),
                )
                run.note_start()
                ops_url = self.settings.ops_url
                try:
                    yield run
                except BaseException:
                    # What went well is written down; what failed matters more than that it could not be.
                    with suppress(psycopg.Error, SyncError):
                        run.finish(ops_url)
                    raise
                run.finish(ops_url)


def _require_newest(url: str, history: Literal["hitss", "fabricio"]) -> None:
    from sync_pipelines.migrations import inspection
    from sync_pipelines.migrations.history import History

    wanted = History(history)
    with postgres.connect(url, what=wanted.what, read_only=True) as connection:
        inspection.require_newest(connection, wanted)


def _decision(accepted: Collection[str]) -> Decision | None:
    chosen = [decision for decision in DECISIONS if decision in accepted]
    if len(chosen) > 1:
        raise PermanentError(f"Accept either {' or '.join(DECISIONS)}: a row cannot both stay and go.")
    return chosen[0] if chosen else None


@dataclass
class MirrorRun:
    """An open run of the mirror: months are mirrored, recorded and counted one by one."""

    session: MirrorSession
    records: Records
    executions: tuple[run_log.Execution, run_log.Execution]
    run_id: str
    kept: frozenset[str]
    #: Proofs and decisions that the ops database did not take when they were made.
    _unwritten: list[tuple[str, Proof, bool]] = field(default_factory=list)
    _unsaid: list[tuple[run_log.Execution, run_log.Level, str]] = field(default_factory=list)

    @property
    def pending(self) -> list[str]:
        """The months to mirror: those that differ, that were never proved, or that hold rows of both kinds."""
        proofs = self.records.proofs.newest(ASSET)
        session = self.session
        return [
            month
            for month in session.months
            if session.source.get(month) != session.mirrored.get(month)
            or month not in proofs
            or (session.own_rows.get(month) and month not in self.kept)
        ]

    def note_start(self) -> None:
        self._log(
            "INFO", f"{len(self.session.differing)} de {len(self.session.months)} meses diferem da origem."
        )
        if strays := self.session.remove_strays():
            self._log("WARN", f"{strays} linhas espelhadas tinham perdido o mês e foram retiradas.")
        if own := self.session.own_rows:
            self._log(
                "WARN",
                f"{sum(own.values())} linhas em {len(own)} meses são do próprio destino e não são alteradas.",
            )
        if unplaced := self.session.unplaced:
            sentence = f"{unplaced} linhas da origem não indicam o mês e não foram copiadas."
            self._log("ERROR", sentence)
            for record in self.executions:
                record.failed += unplaced
                record.problem = sentence
        if columns := self.session.left_behind:
            self._log("WARN", f"Colunas da origem que não são espelhadas: {', '.join(columns)}.")

    def mirror(self, month: str) -> MirrorOutcome:
        """Mirror a month and write its proof down; raises what `MirrorSession.copy` raises.

        What was committed and proved counts, whether or not the databases of our records are there to hear of it.
        """
        try:
            outcome = self.session.copy(month)
        except Exception:
            for record in self.executions:
                record.failed += self.session.source.get(month, Side()).digest.rows
            raise
        for record in self.executions:
            record.advance(outcome.changes.written)
        decides = self.session.decision == "keep_own_rows" and outcome.own_rows and month not in self.kept
        self._unwritten.append((month, outcome.proof, bool(decides)))
        # Tried again with the next month, and at the end over a new connection.
        with suppress(psycopg.Error, SyncError):
            self._write_down(self.records)
        if outcome.changes.touched or outcome.adopted.own_rows:
            self._log("INFO", _sentence(month, outcome))
        return outcome

    def finish(self, ops_url: str) -> None:
        """Write down what could not be written meanwhile. Raises SyncError when it still cannot be."""
        if self._unwritten:
            months = len(self._unwritten)
            try:
                with open_records(ops_url) as records:
                    self._write_down(records)
            except (psycopg.Error, SyncError):
                raise TransientError(
                    f"{months} months are mirrored and were compared, but the ops database did not take their proofs;"
                    " the next run compares them again."
                ) from None
        self._say()

    def _write_down(self, records: Records) -> None:
        with postgres.errors_about("the ops database"):
            records.proofs.record(
                self.run_id,
                [
                    RecordableProof(
                        asset=ASSET, partition_key=month, source_version=proof.source["digest"], proof=proof
                    )
                    for month, proof, _ in self._unwritten
                ],
            )
            for month, _, decides in self._unwritten:
                if decides:
                    records.decisions.record(ASSET, month, "keep_own_rows", run_id=self.run_id)
        self._unwritten.clear()

    def _log(self, level: run_log.Level, message: str) -> None:
        self._unsaid += [(record, level, message) for record in self.executions]
        # A line that a lost database did not take leaves with the next one.
        with suppress(psycopg.Error, SyncError):
            self._say()

    def _say(self) -> None:
        while self._unsaid:
            record, level, message = self._unsaid[0]
            record.log(level, message)
            self._unsaid.pop(0)


def _sentence(month: str, outcome: MirrorOutcome) -> str:
    """What was done to a month, for the application's log."""
    parts = [f"{outcome.proof.destination['rows']} linhas espelhadas e provadas"]
    counts = (
        (outcome.changes.deleted, "retiradas para isso"),
        (outcome.adopted.adopted, "adotadas"),
        (outcome.adopted.set_aside, "guardadas à parte"),
        (outcome.annotated, "espelhadas com colunas do próprio destino guardadas à parte"),
    )
    parts += [f"{count} {what}" for count, what in counts if count]
    return f"{month_label(month)}: {', '.join(parts)}."
