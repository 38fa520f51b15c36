"""erp/dre: the months of `company_dre` that follow from the stored titles of all connections of a company.

Every month of the company is compared each sync, because a category may have been renamed and a title moved; those
that differ are replaced, each in a transaction of its own. Done means: every line that titles feed is their sum, and
no other line was touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from sync_pipelines.erp.connections.steward import ConnectionBusyError
from sync_pipelines.erp.connections.tables import ERP
from sync_pipelines.erp.financials import dre_report
from sync_pipelines.erp.financials.company import Company, company_of, other_companies
from sync_pipelines.erp.financials.dre_load import Written, write_month
from sync_pipelines.erp.financials.dre_month import Refusal, is_of, plan_of, row_for
from sync_pipelines.erp.financials.dre_order import date_newest
from sync_pipelines.erp.financials.dre_rows import DreRow, holds_several_companies, read_rows
from sync_pipelines.erp.financials.extract import current_month
from sync_pipelines.erp.financials.known import refuse_altered
from sync_pipelines.erp.financials.options import FinancialOptions
from sync_pipelines.erp.financials.reconcile import disagreements
from sync_pipelines.erp.financials.statement import MonthStatement, recognises_transfers, statements
from sync_pipelines.erp.outcome import DreOutcome
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, SyncError
from sync_pipelines.lib.postgres.digest import Digest, Proof, canonical, digest_of, row_hash
from sync_pipelines.lib.records.proofs import RecordableProof

ASSET: Final = "erp/dre"
_FIRST = (
    "select coalesce(min(month), '2100-01-01') from sync_private.titles"
    " where connection_id = any(%s) and vanished_at is null"
)


def sync_dre(session: SyncSession, months: Iterable[date], *, options: FinancialOptions) -> DreOutcome:
    """Bring the months of the connection's company up to date; `months` are compared with the invoices as well.

    A month that fails, or that another company has, does not stop the others. Raises ConnectionBusyError.
    """
    began = session.clock()
    try:
        with postgres.errors_about(ERP):
            company = company_of(session)
            if isinstance(company, str):
                return DreOutcome(
                    "skipped",
                    company,
                    warnings={dre_report.COMPANY_KNOWN: f"A DRE não foi gravada. {company}"},
                )
            outcome = _DreSync(session, company, options).sync(sorted(months))
    except ConnectionBusyError:
        raise
    except SyncError as error:
        outcome = DreOutcome("error", dre_report.failure(error), error=error)
    outcome.seconds = (session.clock() - began).total_seconds()
    return outcome


@dataclass
class _DreSync:
    """The statements of one company."""

    session: SyncSession
    company: Company
    options: FinancialOptions
    written: dict[date, Written] = field(default_factory=dict)
    failed: dict[date, SyncError] = field(default_factory=dict)

    def sync(self, months: list[date]) -> DreOutcome:
        database = self.session.database
        refuse_altered(database, self.company.connections)
        self._release()
        wanted = statements(database, self.company, self.options)
        stored = read_rows(database, self.company.user_id)
        is_migrated = holds_several_companies(database)
        claimed = {
            month for month, rows in stored.items() if any(one.is_claimed_by(self.company.id) for one in rows)
        }
        fed = {month for month, one in wanted.items() if one.lines}
        for month in self._in_order(fed | claimed):
            rows, statement = stored.get(month, []), wanted.get(month, MonthStatement(month))
            if self._is_as_wanted(statement, rows, is_migrated=is_migrated):
                self.written[month] = Written("unchanged", statement.lines)
            else:
                self._write(month)
            self.session.report("dre", done=len(self.written) + len(self.failed), total=None)
        return self._outcome(wanted, months)

    def _release(self) -> None:
        """Take back what we wrote for another company from titles that are of this one now."""
        for other in other_companies(self.session, self.company):
            rows = read_rows(self.session.database, other.user_id)
            for month, those in rows.items():
                if any(one.is_claimed_by(other.id) for one in those):
                    with postgres.errors_about(ERP):
                        write_month(self.session, other, month, options=self.options)

    def _in_order(self, months: Iterable[date]) -> list[date]:
        """The current month last: the application takes the row that was made last for the newest statement."""
        current = current_month(self.session)
        return sorted(months, key=lambda month: (month <= current, month))

    def _is_as_wanted(self, wanted: MonthStatement, rows: list[DreRow], *, is_migrated: bool) -> bool:
        row = row_for(self.company, rows, by_company=self.options.by_company, is_migrated=is_migrated)
        if row is None:
            return not wanted.lines
        return isinstance(row, DreRow) and not plan_of(self.company, row, wanted).is_needed(row)

    def _write(self, month: date) -> None:
        try:
            with postgres.errors_about(ERP):
                self.written[month] = write_month(self.session, self.company, month, options=self.options)
        except ConnectionBusyError:
            raise
        except SyncError as error:
            self.failed[month] = error

    def _outcome(self, wanted: dict[date, MonthStatement], months: list[date]) -> DreOutcome:
        outcome = DreOutcome()
        counts = outcome.counts
        proof = self._prove()
        counts.read = len(self.written) + len(self.failed)
        for one in self.written.values():
            setattr(counts, one.status, getattr(counts, one.status) + 1)
        counts.rejected += len(self.failed)
        outcome.lines = self._lines()
        counts.digest, counts.oldest_reading = proof.destination["lines"], self.session.started
        refused = {month: one.refusal for month, one in self.written.items() if one.refusal is not None}
        database = self.session.database
        outcome.message = dre_report.message(counts, wanted.values(), self._in_part(months))
        outcome.warnings = dre_report.warnings(
            self.company,
            wanted.values(),
            written=self.written,
            recognised=recognises_transfers(database, self.company, self.options),
            disagreements=disagreements(database, self.company, wanted, months=months),
        )
        self._fail(outcome, refused)
        return outcome

    def _lines(self) -> dict[date, Mapping[str, Decimal | None]]:
        """The months of the company as their rows are now."""
        stored = read_rows(self.session.database, self.company.user_id)
        found = {
            month: [one for one in stored.get(month, []) if is_of(one, self.company.id)]
            for month in self.written
        }
        return {month: rows[0].lines for month, rows in found.items() if rows}

    def _in_part(self, months: list[date]) -> dict[date, date]:
        """Months that were written from titles of later lists alone, each with the first month that was listed."""
        row = self.session.database.execute(_FIRST, (list(self.company.connections),)).fetchone()
        first = min([*months, *(row or ())], default=None)
        written = (month for month, one in self.written.items() if one.status in ("inserted", "changed"))
        return {month: first for month in written if first is not None and month < first}

    def _fail(self, outcome: DreOutcome, refused: dict[date, Refusal]) -> None:
        sentences = [dre_report.refused(refused)] if refused else []
        sentences += dre_report.failures(self.failed)
        errors = list(self.failed.values())
        try:
            with postgres.errors_about(ERP):
                date_newest(self.session, self.company)
        except ConnectionBusyError:
            raise
        except SyncError as error:
            errors.append(error)
            sentences.append(dre_report.failure(error))
        if refused:
            errors.insert(0, PermanentError(sentences[0]))
        if errors:
            outcome.status, outcome.error = "error", errors[0]
            outcome.message = " ".join([outcome.message, *sentences])

    def _prove(self) -> Proof:
        """All lines that titles feed beside the live rows, read again after the last transaction.

        A month that is not as it was left, because another connection of the company brought titles meanwhile or a
        person edited it, is written once more, and proved under its lock.
        """
        stored = read_rows(self.session.database, self.company.user_id)
        meant, found = Digest(), Digest()
        for month in sorted(self.written):
            if self.written[month].refusal is not None:
                continue
            if _live(stored.get(month, []), self.company, self.written[month]) != self.written[month].lines:
                before = self.written.pop(month)
                self._write(month)
                if month in self.written and before.status == "inserted":
                    self.written[month].status = before.status
                stored |= read_rows(self.session.database, self.company.user_id, month=month)
            if (one := self.written.get(month)) is not None:
                meant += _digest(month, one.lines)
                found += _digest(month, _live(stored.get(month, []), self.company, one))
        proof = Proof({"lines": str(meant)}, {"lines": str(found)})
        version = self.session.started.isoformat()
        record = RecordableProof(ASSET, self.session.key, source_version=version, proof=proof)
        self.session.records.proofs.record(self.session.run_id, [record])
        return proof


def _live(rows: list[DreRow], company: Company, written: Written) -> dict[str, Decimal | None]:
    """The lines of a month that titles feed, as its row has them."""
    row = next((one for one in rows if is_of(one, company.id)), None)
    return {line: row.lines[line] for line in written.lines} if row is not None else {}


def _digest(month: date, lines: Mapping[str, Decimal | None]) -> Digest:
    return digest_of(row_hash([month.isoformat(), line, canonical(amount)]) for line, amount in lines.items())
