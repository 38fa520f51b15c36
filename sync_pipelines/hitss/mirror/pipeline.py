"""The mirror of `dre_hitss` in the second project, month by month, proved.

Replaces `sync-dre-data-hourly` (pg_cron) and the Edge Function `sync-dre-data`, whose window of 24 hours, cap of 1,000
rows and impossible conflict key could not have worked (contract of HITSS, section 7). Digests of every month, read in
both databases at once, say which months differ; only these are copied, each in one transaction that ends with the
proof.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Literal, Self

import psycopg

from sync_pipelines.hitss.databases import FABRICIO, HITSS
from sync_pipelines.hitss.dre import tables
from sync_pipelines.hitss.mirror.adoption import DECISIONS, Decision
from sync_pipelines.hitss.mirror.extract import Mirror, MirrorDatabases
from sync_pipelines.hitss.mirror.month_mirror import MirrorOutcome, MonthMirror, open_mirror
from sync_pipelines.hitss.mirror.report import ASSET, MirrorReport
from sync_pipelines.hitss.mirror.table import MonthDigest
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, SyncError
from sync_pipelines.lib.records import open_records, run_log
from sync_pipelines.settings.hitss import HitssSettings

#: The log lines have the name of the Edge Function that should have done this.
EXECUTIONS = replace(tables.EXECUTIONS, source="sync-dre-data")


@dataclass(frozen=True)
class MirrorPipeline:
    """The mirror of one database in another, our records, and how long a run waits."""

    database_url: str = field(repr=False)
    mirror_url: str = field(repr=False)
    ops_url: str = field(repr=False)
    wait_seconds: float = 600.0
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def from_settings(cls, settings: HitssSettings) -> Self:
        """Raises SettingsError for a database that is not set."""
        return cls(
            database_url=settings.fabricio_url, mirror_url=settings.mirror_url, ops_url=settings.ops_url
        )

    @contextmanager
    def open(self, run_id: str, accepted: Collection[str] = ()) -> Iterator[MirrorRun]:
        """Open a run: its rows in both run logs, the lock, the months of both databases compared.

        `accepted` may hold one of DECISIONS, for the months of this run that hold rows of both kinds. Raises
        SyncError if a database cannot be reached, or if its structure is not the newest.
        """
        mirror = Mirror(
            source_url=self.database_url,
            destination_url=self.mirror_url,
            wait_seconds=self.wait_seconds,
            sleep=self.sleep,
        )
        # The destination first: an outdated one fails the run before anything is read or written.
        _require_newest(self.mirror_url, "hitss")
        _require_newest(self.database_url, "fabricio")
        with (
            self._report(run_id) as report,
            open_mirror(
                mirror, report.executions[1].id, decided=report.kept, decision=_decision(accepted)
            ) as months,
        ):
            report.log_comparison(months.databases)
            report.log_findings(months.databases, strays=months.remove_strays())
            try:
                yield MirrorRun(months, report)
            except BaseException:
                # Record what went well; if that fails too, the first error matters more.
                with suppress(psycopg.Error, SyncError):
                    report.finish(self.ops_url)
                raise
            report.finish(self.ops_url)

    @contextmanager
    def _report(self, run_id: str) -> Iterator[MirrorReport]:
        """The rows in both run logs, and our records, open over one run."""

        def execution(url: str, what: str) -> AbstractContextManager[run_log.Execution]:
            return run_log.open_execution(
                url,
                EXECUTIONS,
                run_id=run_id,
                what=what,
                started="Iniciando o espelhamento do DRE.",
                details={"phase": "mirror"},
            )

        with (
            execution(self.database_url, FABRICIO) as at_source,
            execution(self.mirror_url, HITSS) as at_destination,
            open_records(self.ops_url) as records,
        ):
            yield MirrorReport(
                executions=(at_source, at_destination),
                records=records,
                run_id=run_id,
                kept=frozenset(records.decisions.of(ASSET)),
            )


@dataclass
class MirrorRun:
    """An open run of the mirror: months are mirrored, and reported, one by one."""

    months: MonthMirror
    report: MirrorReport

    @property
    def databases(self) -> MirrorDatabases:
        return self.months.databases

    @property
    def pending(self) -> list[str]:
        """The months to mirror: those that differ, that were never proved, or that hold rows of both kinds."""
        proved, differing = self.report.proved_months(), set(self.databases.differing)
        own_rows, kept = self.databases.own_rows, self.report.kept
        return [
            month
            for month in self.databases.months
            if month in differing or month not in proved or (own_rows.get(month) and month not in kept)
        ]

    def mirror(self, month: str) -> MirrorOutcome:
        """Mirror a month and report it; raises what `MonthMirror.copy` raises."""
        try:
            outcome = self.months.copy(month)
        except Exception:
            self.report.failed(self.databases.source_months.get(month, MonthDigest()).digest.rows)
            raise
        is_new = month not in self.report.kept and bool(outcome.own_rows)
        is_decided = is_new and self.months.decision == "keep_own_rows"
        self.report.mirrored(month, outcome, is_decided=is_decided)
        return outcome


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
