"""A run of the mirror with its records: what the assets, the command line and the benchmark call."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Literal

from sync_pipelines.hitss import tables
from sync_pipelines.hitss.adoption import DECISIONS, Decision
from sync_pipelines.hitss.mirror import DESTINATION, SOURCE, Mirror, MirrorOutcome, MirrorSession
from sync_pipelines.hitss.mirrored import Side
from sync_pipelines.lib import executions, postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.ledger import Ledger, open_ledger
from sync_pipelines.settings import Settings

ASSET = "hitss/dre_mirror"
#: The log lines bear the name of the Edge Function that was to do this.
EXECUTIONS = tables.EXECUTIONS._replace(source="sync-dre-data")
STARTED = "Iniciando o espelhamento do DRE."


@dataclass(frozen=True)
class DreMirror:
    """The mirror with its settings and the way it waits."""

    settings: Settings
    wait_seconds: float = 600.0
    sleep: Callable[[float], None] = time.sleep

    @contextmanager
    def open(self, run_id: str, accepted: Collection[str] = ()) -> Iterator[MirrorRun]:
        """Open a run: its rows in both projects, the lock, both sides compared.

        `accepted` may hold one of DECISIONS, for the months of this run that hold rows of both kinds. Raises
        SyncError: a database cannot be reached, or is not of the newest structure.
        """
        source = self.settings.require("fabricio_database_url")
        destination = self.settings.require("hitss_database_url")
        mirror = Mirror(source, destination, wait_seconds=self.wait_seconds, sleep=self.sleep)

        def record(url: str, what: str) -> AbstractContextManager[executions.Execution]:
            return executions.execution(
                url, EXECUTIONS, run_id=run_id, what=what, started=STARTED, details={"phase": "mirror"}
            )

        # The destination first: what is not as it should be there is told before anything is read or written.
        _require_newest(destination, "hitss")
        _require_newest(source, "fabricio")
        with (
            record(source, SOURCE) as here,
            record(destination, DESTINATION) as there,
            open_ledger(self.settings.require("ops_database_url")) as ledger,
        ):
            kept = ledger.decisions(ASSET)
            with mirror.open(there.id, decided=kept.keys(), decision=_decision(accepted)) as session:
                run = MirrorRun(session, ledger, (here, there), run_id, frozenset(kept))
                run.note_start()
                yield run


def _require_newest(url: str, history: Literal["hitss", "fabricio"]) -> None:
    from sync_pipelines.migrations import inspect, runner

    wanted = {"hitss": runner.HITSS, "fabricio": runner.FABRICIO}[history]
    with postgres.connect(url, what=wanted.what, read_only=True) as connection:
        inspect.require_newest(connection, wanted)


def _decision(accepted: Collection[str]) -> Decision | None:
    chosen = [decision for decision in DECISIONS if decision in accepted]
    if len(chosen) > 1:
        raise PermanentError(f"Accept either {' or '.join(DECISIONS)}: a row cannot both stay and go.")
    return chosen[0] if chosen else None


@dataclass
class MirrorRun:
    """An open run of the mirror: months are mirrored, recorded and counted one by one."""

    session: MirrorSession
    ledger: Ledger
    records: tuple[executions.Execution, executions.Execution]
    run_id: str
    kept: frozenset[str]

    @property
    def pending(self) -> list[str]:
        """The months to mirror: those that differ, that were never proved, or that hold rows of both kinds."""
        proofs = self.ledger.proofs(ASSET)
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
        if self.session.unplaced:
            self._log(
                "ERROR", f"{self.session.unplaced} linhas da origem não indicam o mês e não foram copiadas."
            )

    def mirror(self, month: str) -> MirrorOutcome:
        """Mirror a month and write its proof down; raises what `MirrorSession.copy` raises."""
        try:
            outcome = self.session.copy(month)
        except Exception:
            for record in self.records:
                record.failed += self.session.source.get(month, Side()).digest.rows
            raise
        version = outcome.proof.source["digest"]
        self.ledger.record_proofs(self.run_id, [(ASSET, month, version, outcome.proof, None)])
        if self.session.decision == "keep_own_rows" and outcome.own_rows and month not in self.kept:
            self.ledger.decide(ASSET, month, "keep_own_rows", self.run_id)
        for record in self.records:
            record.advance(outcome.changes.written)
        if outcome.changes.touched or outcome.adopted.own_rows:
            adopted = f", {outcome.adopted.adopted} adotadas" if outcome.adopted.adopted else ""
            aside = f", {outcome.adopted.set_aside} guardadas à parte" if outcome.adopted.set_aside else ""
            self._log(
                "INFO",
                f"{month[:7]}: {outcome.proof.destination['rows']} linhas espelhadas e provadas{adopted}{aside}.",
            )
        return outcome

    def _log(self, level: executions.Level, message: str) -> None:
        for record in self.records:
            record.log(level, message)
