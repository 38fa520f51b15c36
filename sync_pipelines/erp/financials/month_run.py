"""One month of a connection's titles: their details, one transaction, its proof."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

import psycopg

from sync_pipelines.erp.financials.detail import Details
from sync_pipelines.erp.financials.extract import ASSET, Entry, TitleList, current_month
from sync_pipelines.erp.financials.guard import Missing, refuse_mass_rejection
from sync_pipelines.erp.financials.known import Known
from sync_pipelines.erp.financials.load import Loaded, MonthPlan, load
from sync_pipelines.erp.financials.validate import Key
from sync_pipelines.erp.invoices.extract import partition_key
from sync_pipelines.erp.outcome import Counts
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.lib.failures import TransientError
from sync_pipelines.lib.records.proofs import RecordableProof
from sync_pipelines.lib.records.rejects import RejectedRow


@dataclass
class MonthRun:
    """The way of one month; `counts` are its figures, once it is stored."""

    session: SyncSession
    month: date
    listed: TitleList
    known: Mapping[Key, Known]
    missing: Missing
    details: Details
    counts: Counts = field(default_factory=Counts)
    #: Why details did not come.
    problems: list[TransientError] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    @property
    def partition(self) -> str:
        return partition_key(self.session, self.month)

    def sync(self) -> None:
        """Raises SyncError with nothing of the month changed. Details that did not come are in `problems`."""
        if stopped := self.missing.stopped.get(self.month):
            raise stopped
        self.entries = self.listed.of(self.month)
        for place, entry in enumerate(self.entries):
            self.problems += self.details.judge([entry])
            if entry.has_read_detail or place + 1 == len(self.entries):
                self.session.report("titles", done=place + 1, total=len(self.entries))
        self._reject()
        refuse_mass_rejection(self.session, self.outdated, stored=self._stored(), partition=self.partition)
        database, plan = self.session.database, self._plan()
        with database.transaction():
            self.session.fence(database)
            loaded = load(self.session, plan)
            if not loaded.proof.holds:
                raise psycopg.Rollback
        self._record(loaded)
        self._count(loaded)

    @property
    def outdated(self) -> list[Key]:
        """Rejected titles of which an earlier reading is stored, which goes on counting."""
        return [
            one.key
            for one in self.entries
            if one.problem is not None and one.key in self.known and self.known[one.key].is_live
        ]

    def _stored(self) -> int:
        """The listed titles of the month that were stored before."""
        return sum(one.key in self.known and self.known[one.key].is_live for one in self.entries)

    def _plan(self) -> MonthPlan:
        plan = MonthPlan(self.month, [entry for entry in self.entries if entry.row is not None])
        merged = {entry.key for entry in plan.entries}
        for key, one in self.known.items():
            month = self._month_of(one)
            if key in self.missing.gone:
                if month == self.month and one.is_live:
                    plan.gone.add(key)
                continue
            if self.month in (month, one.month) and month != one.month:
                plan.moves[key] = month
            if month == self.month and one.is_live and key not in merged:
                plan.others.append(one.live_hash)
        return plan

    def _month_of(self, one: Known) -> date:
        """The partition that a stored title is of from now on."""
        entry = self.listed.entries.get(one.key)
        if entry is None or entry.title.listed_on is None:
            return one.home(current_month(self.session))
        return entry.month

    def _reject(self) -> None:
        rows = [
            RejectedRow(
                partition_key=self.partition,
                locator={"title": entry.key.vendor_id, "side": entry.key.side, "column": entry.problem.field},
                value=None,
                rule=entry.problem.rule,
                reason=entry.problem.reason,
                # Its description may name people; the raw page has it.
                raw=entry.title._replace(description=None)._asdict(),
            )
            for entry in self.entries
            if entry.problem is not None
        ]
        if rows:
            self.session.records.rejects.record(
                ASSET, rows, run_id=self.session.run_id, landed_id=self.listed.raw.landed_id
            )

    def _record(self, loaded: Loaded) -> None:
        version = self.session.started.isoformat()
        proof = RecordableProof(ASSET, self.partition, source_version=version, proof=loaded.proof)
        self.session.records.proofs.record(self.session.run_id, [proof])
        if not loaded.proof.holds:
            raise TransientError(
                f"{self.partition} is not proved: {'; '.join(loaded.proof.differences())}. Nothing of the month was"
                " changed; the next sync reads it again."
            )

    def _count(self, loaded: Loaded) -> None:
        counts, repeated = self.counts, self.listed.repeated.get(self.month, 0)
        counts.read = len(self.entries) + repeated
        counts.inserted, counts.changed, counts.vanished = loaded.inserted, loaded.changed, loaded.vanished
        counts.rejected = sum(entry.problem is not None for entry in self.entries)
        counts.unread = sum(entry.is_unread for entry in self.entries)
        counts.skipped = repeated
        if repeated:
            counts.skipped_because["repeated in the list"] = repeated
        written = counts.inserted + counts.changed
        counts.unchanged = len(self.entries) - written - counts.rejected - counts.unread
        counts.digest = loaded.proof.destination["titles"]
        counts.oldest_reading = min(self._readings(), default=self.session.started)

    def _readings(self) -> list[datetime]:
        """When the kept details were read."""
        kept = (self.known[entry.key].detail_at for entry in self.entries if entry.is_kept)
        return [moment for moment in kept if moment is not None]


def incomplete(run: MonthRun) -> TransientError | None:
    """Why a month is no success although what came of it is stored; its kind says when to try again."""
    if not run.problems:
        return None
    last = run.problems[-1]
    sentence = (
        f"{run.counts.unread} titles of {run.partition} have no detail yet, the others are stored. {last}"
    )
    return type(last)(sentence, retry_after=last.retry_after)
