"""A month from the workbook to proof: one transaction over all its tables, nothing wrong ever committed.

All writes come first, then whatever the database kept for the commit, then one look at all four tables: a trigger
on the last table may have changed the first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from psycopg import sql

from sync_pipelines.hitss.dre import summary, tables
from sync_pipelines.hitss.dre.lines import LINE_FIELDS, MonthContent
from sync_pipelines.hitss.dre.plan import CHAIN, LoadPlan, Outcome, dependents, required_inputs, version_of
from sync_pipelines.hitss.dre.prove import NO_LINES, NO_ROWS, Live, look_at
from sync_pipelines.hitss.dre.tables import BUDGET, HITSS, LINES, PublishedTable
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import Changes, Connection
from sync_pipelines.lib.postgres.catalog import dependents as hanging_on
from sync_pipelines.lib.postgres.digest import NULL, Proof, canonical


class ProofError(PermanentError):
    """Source and destination differ after the write; the transaction was rolled back."""


class LoadedMonth(NamedTuple):
    """A month that is committed: the outcome of each selected table, and what the run leaves outdated.

    `outdated` says of a table that was not selected why it no longer is what its inputs say.
    """

    outcomes: dict[str, Outcome]
    outdated: dict[str, str]


@dataclass
class MonthLoader:
    """Loads months over one connection to the project database, one transaction a month."""

    connection: Connection
    plan: LoadPlan

    def load(self, month: str) -> LoadedMonth:
        """Bring the selected tables' month up to date and prove it.

        Raises PermanentError for a month that may not be loaded, ProofError when the tables do not hold what
        they should or a table that is only read does not, TransientError when another run holds the month.
        """
        self.plan.stop_if_blocked(month)
        with postgres.errors_about(f"the month {month[:7]} of the DRE"), self.connection.transaction():
            busy = f"Another run is loading {month[:7]} of the DRE."
            postgres.lock_partition(self.connection, "hitss", month, busy=busy)
            writes: dict[str, Callable[[], Changes]] = {
                "dre_lines": lambda: self._write_lines(month),
                "dre_hitss": lambda: self._publish(HITSS, month),
                "dre_orcado": lambda: self._publish(BUDGET, month),
                "dre_summary": lambda: self._summarise(month),
            }
            written: dict[str, tuple[Changes, float]] = {}
            for asset in CHAIN:
                if asset in self.plan.selected:
                    started = time.monotonic()
                    changes = writes[asset]()
                    written[asset] = changes, time.monotonic() - started
            postgres.end_writes(self.connection)
            return self._prove(month, written)

    def _prove(self, month: str, written: dict[str, tuple[Changes, float]]) -> LoadedMonth:
        """Look at all four tables after every write, and raise for what is not as it should be."""
        live = look_at(self.connection, self.plan.empresa, month)
        lines = live.lines.get(month, NO_LINES).content
        expected = self.plan.expected_lines(month, lines)
        problems = live.problems(month, expected)
        for asset in required_inputs(self.plan.selected):
            if sentence := problems.get(asset):
                raise ProofError(
                    f"{asset} of {month[:7]} {sentence}, so nothing is derived from it. Load {asset} too."
                )
        outcomes: dict[str, Outcome] = {}
        for asset, (changes, seconds) in written.items():
            started = time.monotonic()
            outcome = self._outcome(asset, month, live, changes=changes)
            outcomes[asset] = replace(outcome, seconds=seconds + time.monotonic() - started)
        for asset, outcome in outcomes.items():
            differences = [*([problems[asset]] if asset in problems else []), *outcome.proof.differences()]
            if differences:
                raise ProofError(
                    f"{asset} of {month[:7]} is not what it should be ({'; '.join(differences)})."
                )
        left = dependents(self.plan.selected)
        return LoadedMonth(outcomes, {asset: problems[asset] for asset in left if asset in problems})

    def _outcome(self, asset: str, month: str, live: Live, changes: Changes) -> Outcome:
        lines = live.lines.get(month, NO_LINES).content
        version = version_of(asset, lines, self.plan.empresa)
        match asset:
            case "dre_lines":
                proof = Proof(_evidence_of(self.plan.content(month)), _evidence_of(lines))
                rejected = self.plan.rejected.get(month, 0)
                return Outcome(
                    read=self.plan.content(month).full.rows + rejected,
                    changes=changes,
                    proof=proof,
                    version=version,
                    rejected=rejected,
                )
            case "dre_summary":
                computed, stored = live.computed[month], live.stored.get(month, {})
                return Outcome(
                    read=1,
                    changes=changes,
                    proof=Proof(dict(computed), dict(stored)),
                    version=version,
                    figures=stored,
                )
        found = live.published[asset].get(month, NO_ROWS)
        rows = {"rows that dre_lines does not derive": "0"}
        if found.differing:
            return Outcome(
                read=found.rows,
                changes=changes,
                proof=Proof(rows, {next(iter(rows)): str(found.differing)}),
                version=version,
            )
        # Row by row the table is what the lines derive: its digest and totals are theirs.
        digest, totals = tables.evidence(
            self.connection, self._published_queries[asset], self._parameters(month)
        )
        evidence = {"digest": str(digest), **totals, **rows}
        return Outcome(
            read=digest.rows, changes=changes, proof=Proof(evidence, dict(evidence)), version=version
        )

    def _write_lines(self, month: str) -> Changes:
        content = self.plan.content(month)
        if not self.plan.live.problem("dre_lines", month, content):
            return Changes(unchanged=content.full.rows)
        rows = ((*row, self.plan.execution_id) for row in self.plan.parse().rows(month))
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
        return self._lines_merge.run(self.connection, self._parameters(month))

    def _publish(self, table: PublishedTable, month: str) -> Changes:
        # Looked up first: afterwards the rows that hung on a deleted one are gone.
        hanging = hanging_on(self.connection, table.name)
        changes = self._published_merges[table.asset].run(self.connection, self._parameters(month))
        if changes.deleted and hanging:
            raise PermanentError(
                f"{changes.deleted} rows of {table.asset} of {month[:7]} are no longer in the workbook; deleting"
                f" them would delete or empty rows of {', '.join(hanging)} by a foreign key. Let the key"
                " refer to line_hash and occurrence, or take its action ON DELETE away."
            )
        return changes

    def _summarise(self, month: str) -> Changes:
        """One row of sums, written when it differs."""
        expected = summary.computed(self.connection, [month])[month]
        if summary.stored(self.connection, [month]).get(month) == expected:
            return Changes(unchanged=1)
        inserted = summary.write(self.connection, month, expected, execution_id=self.plan.execution_id)
        return Changes(inserted=1) if inserted else Changes(changed=1)

    def _parameters(self, month: str) -> dict[str, object]:
        return {"month": month, "execution_id": self.plan.execution_id, "empresa": self.plan.empresa}

    @cached_property
    def _lines_merge(self) -> postgres.SliceMerge:
        return postgres.SliceMerge(
            source=sql.Identifier("dre_lines_staged"),
            target=LINES,
            key=("competencia", *tables.LINE_KEY),
            columns=tables.LINE_COLUMNS,
            stamped=("execution_id",),
            where=sql.SQL("target.competencia = %(month)s"),
        )

    @cached_property
    def _published_merges(self) -> dict[str, postgres.SliceMerge]:
        return {
            table.asset: postgres.SliceMerge(
                source=table.source(),
                target=table.name,
                key=("competencia", *tables.LINE_KEY),
                columns=tuple(name for name in table.columns if name != "competencia"),
                stamped=("execution_id",),
                where=sql.SQL("target.competencia = %(month)s and target.line_hash is not null"),
            )
            for table in (HITSS, BUDGET)
        }

    @cached_property
    def _published_queries(self) -> dict[str, bytes]:
        """For each published table, the query of its digest and totals."""
        return {
            table.asset: tables.evidence_query(
                postgres.table(table.name), table.digest, "valor_exato", by="natureza"
            )
            for table in (HITSS, BUDGET)
        }


def _evidence_of(content: MonthContent) -> dict[str, str]:
    """What a month of lines is compared by: its digest, and its control totals by report and Natureza."""
    totals = {
        name: tables.total_text(total.rows, canonical(total.exact), canonical(total.rounded))
        for name, total in content.totals.items()
    }
    return {"digest": str(content.full), **totals}
