"""A month from the workbook to proof: one transaction over all its tables, so that nothing wrong is ever committed.

All writes come first, then what the database deferred to the commit, then the proof over all four tables: a trigger on
the last table may have changed the first.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from psycopg import sql

from sync_pipelines.hitss.dre import summary, tables
from sync_pipelines.hitss.dre.lines import LINE_FIELDS
from sync_pipelines.hitss.dre.plan import LoadPlan
from sync_pipelines.hitss.dre.prove import ProvedMonth, TableWrite, prove_month
from sync_pipelines.hitss.dre.tables import CHAIN, DRE_HITSS, DRE_ORCADO, LINES, PublishedTable
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import Changes, Connection
from sync_pipelines.lib.postgres.catalog import dependents
from sync_pipelines.lib.postgres.digest import NULL


@dataclass
class MonthLoader:
    """Loads months over one connection to the project database, one transaction a month."""

    connection: Connection
    plan: LoadPlan

    def load(self, month: str) -> ProvedMonth:
        """Bring the selected tables' month up to date and prove it.

        Raises PermanentError for a month that may not be loaded, ProofError if a table does not hold what it should,
        TransientError if another run holds the month.
        """
        self.plan.stop_if_blocked(month)
        with postgres.errors_about(f"the month {month[:7]} of the DRE"), self.connection.transaction():
            busy = f"Another run is loading {month[:7]} of the DRE."
            postgres.lock_partition(self.connection, "hitss", month, busy=busy)
            writes = {
                asset: self._timed_write(asset, month) for asset in CHAIN if asset in self.plan.selected
            }
            postgres.end_writes(self.connection)
            return prove_month(self.connection, self.plan, month, writes=writes)

    def _timed_write(self, asset: str, month: str) -> TableWrite:
        started = time.monotonic()
        changes = self._write(asset, month)
        return TableWrite(changes, time.monotonic() - started)

    def _write(self, asset: str, month: str) -> Changes:
        match asset:
            case "dre_lines":
                return self._write_lines(month)
            case "dre_hitss":
                return self._publish(DRE_HITSS, month)
            case "dre_orcado":
                return self._publish(DRE_ORCADO, month)
        return self._summarise(month)

    def _write_lines(self, month: str) -> Changes:
        content = self.plan.content(month)
        if not self.plan.live.problem("dre_lines", month, content):
            return Changes(unchanged=content.full.rows)
        rows = ((*row, self.plan.execution_id) for row in self.plan.workbook.rows(month))
        columns = (*LINE_FIELDS, "execution_id")
        if not self.plan.live.rows("dre_lines", month):
            postgres.copy_texts(self.connection, LINES, columns, rows=rows, null=NULL)
            return Changes(inserted=content.full.rows)
        return self._merge_lines(month, columns, rows)

    def _merge_lines(self, month: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Changes:
        self.connection.execute(
            "create temporary table if not exists dre_lines_staged"
            " (like sync_private.dre_lines including defaults) on commit delete rows"
        )
        postgres.copy_texts(self.connection, "dre_lines_staged", columns, rows=rows, null=NULL)
        return _lines_merge().run(self.connection, self._parameters(month))

    def _publish(self, table: PublishedTable, month: str) -> Changes:
        # Read first: after the merge the rows that depended on a deleted one are gone.
        names = dependents(self.connection, table.name)
        changes = _published_merge(table).run(self.connection, self._parameters(month))
        if changes.deleted and names:
            raise PermanentError(
                f"{changes.deleted} rows of {table.asset} of {month[:7]} are no longer in the workbook; deleting"
                f" them would delete or empty rows of {', '.join(names)} by a foreign key. Let the key"
                " refer to line_hash and occurrence, or take its action ON DELETE away."
            )
        return changes

    def _summarise(self, month: str) -> Changes:
        """One row of sums, written if it differs."""
        expected = summary.compute(self.connection, [month])[month]
        if summary.read(self.connection, [month]).get(month) == expected:
            return Changes(unchanged=1)
        inserted = summary.write(self.connection, month, expected, execution_id=self.plan.execution_id)
        return Changes(inserted=1) if inserted else Changes(changed=1)

    def _parameters(self, month: str) -> dict[str, object]:
        return {"month": month, "execution_id": self.plan.execution_id, "empresa": self.plan.empresa}


@cache
def _lines_merge() -> postgres.SliceMerge:
    return postgres.SliceMerge(
        source=sql.Identifier("dre_lines_staged"),
        target=LINES,
        key=("competencia", *tables.LINE_KEY),
        columns=tables.LINE_COLUMNS,
        stamped=("execution_id",),
        where=sql.SQL("target.competencia = %(month)s"),
    )


@cache
def _published_merge(table: PublishedTable) -> postgres.SliceMerge:
    return postgres.SliceMerge(
        source=table.source(),
        target=table.name,
        key=("competencia", *tables.LINE_KEY),
        columns=tuple(name for name in table.columns if name != "competencia"),
        stamped=("execution_id",),
        where=sql.SQL("target.competencia = %(month)s and target.line_hash is not null"),
    )
