"""A month from the workbook to proof: one transaction over all its tables, nothing wrong ever committed.

Source and destination are compared before the commit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import LiteralString

from psycopg import sql

from sync_pipelines.hitss import summary, tables
from sync_pipelines.hitss.lines import LINE_FIELDS
from sync_pipelines.hitss.plan import LoadPlan, Outcome
from sync_pipelines.hitss.tables import BUDGET, HITSS, LINES, PublishedTable
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import Changes, Connection
from sync_pipelines.lib.proof import NULL, Digest, Proof, canonical


class ProofError(PermanentError):
    """Source and destination differ after the write; the transaction was rolled back."""


@dataclass
class MonthLoader:
    """Loads months over one connection to the project database, one transaction a month."""

    connection: Connection
    plan: LoadPlan

    def load(self, month: str) -> dict[str, Outcome]:
        """Bring the selected tables' month up to date and prove it.

        Returns an Outcome for each selected table. Raises PermanentError for a blocked month, ProofError
        when the tables do not hold what they should, TransientError when another run holds the month.
        """
        self.plan.stop_if_blocked(month)
        with postgres.errors_about(f"the month {month[:7]} of the DRE"), self.connection.transaction():
            busy = f"Another run is loading {month[:7]} of the DRE."
            postgres.lock_partition(self.connection, "hitss", month, busy=busy)
            steps: dict[str, Callable[[], Outcome]] = {
                "dre_lines": lambda: self._load_lines(month),
                "dre_hitss": lambda: self._publish(HITSS, month),
                "dre_orcado": lambda: self._publish(BUDGET, month),
                "dre_summary": lambda: self._summarise(month),
            }
            outcomes: dict[str, Outcome] = {}
            for asset, step in steps.items():
                if asset in self.plan.selected:
                    started = time.monotonic()
                    outcome = step()
                    outcomes[asset] = replace(outcome, seconds=time.monotonic() - started)
            for asset, outcome in outcomes.items():
                if not outcome.proof.holds:
                    differences = "; ".join(outcome.proof.differences())
                    raise ProofError(f"{asset} of {month[:7]} is not what it should be ({differences}).")
        return outcomes

    def _load_lines(self, month: str) -> Outcome:
        content = self.plan.content(month)
        before = self.plan.live.digests["dre_lines"].get(month, Digest())
        if before == content.full:
            return self.plan.same_lines(month)
        rows = ((*row, self.plan.execution_id) for row in self.plan.parse().rows(month))
        columns = (*LINE_FIELDS, "execution_id")
        if before.rows == 0:
            postgres.copy_texts(self.connection, LINES, columns, rows, null=NULL)
            changes = Changes(inserted=content.full.rows)
        else:
            changes = self._merge_lines(month, columns, rows)
        after, totals = tables.evidence(self.connection, self._lines_query, self._parameters(month))
        source = {
            name: tables.total_text(total.rows, canonical(total.exact), canonical(total.rounded))
            for name, total in content.totals.items()
        }
        version = self.plan.version("dre_lines", month)
        proof = Proof({"digest": version, **source}, {"digest": str(after), **totals})
        rejected = self.plan.rejected.get(month, 0)
        return Outcome(content.full.rows + rejected, changes, proof, version, rejected)

    def _merge_lines(self, month: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Changes:
        self.connection.execute(
            "create temporary table if not exists dre_lines_staged"
            " (like sync_private.dre_lines including defaults) on commit delete rows"
        )
        postgres.copy_texts(self.connection, "dre_lines_staged", columns, rows, null=NULL)
        return self._lines_merge.run(self.connection, self._parameters(month))

    def _publish(self, table: PublishedTable, month: str) -> Outcome:
        changes = self._published_merges[table.asset].run(self.connection, self._parameters(month))
        derived, actual = self._published_queries[table.asset]
        expected, lines = tables.evidence(self.connection, derived, self._parameters(month))
        after, rows = tables.evidence(self.connection, actual, self._parameters(month))
        proof = Proof({"digest": str(expected), **lines}, {"digest": str(after), **rows})
        return Outcome(expected.rows, changes, proof, self.plan.version(table.asset, month))

    def _summarise(self, month: str) -> Outcome:
        """One row of sums: computed once, written when it differs, read back."""
        expected = summary.computed(self.connection, [month])[month]
        changes = Changes(unchanged=1)
        if summary.stored(self.connection, [month]).get(month) != expected:
            inserted = summary.write(self.connection, month, expected, self.plan.execution_id)
            changes = Changes(inserted=1) if inserted else Changes(changed=1)
        proof = Proof(dict(expected), dict(summary.stored(self.connection, [month]).get(month, {})))
        return Outcome(1, changes, proof, self.plan.version("dre_summary", month), figures=expected)

    def _parameters(self, month: str) -> dict[str, object]:
        return {"month": month, "execution_id": self.plan.execution_id, "empresa": self.plan.empresa}

    @cached_property
    def _lines_query(self) -> bytes:
        by: LiteralString = "relatorio || ' ' || natureza"
        return tables.evidence_query(postgres.table(LINES), tables.ALL_COLUMNS, "lancamento", by)

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
                source=table.source,
                target=table.name,
                key=("competencia", *tables.LINE_KEY),
                columns=tuple(name for name in table.columns if name != "competencia"),
                stamped=("execution_id",),
                where=sql.SQL("target.competencia = %(month)s and target.line_hash is not null"),
            )
            for table in (HITSS, BUDGET)
        }

    @cached_property
    def _published_queries(self) -> dict[str, tuple[bytes, bytes]]:
        """For each published table, the evidence of what it should hold and of what it holds."""
        return {
            table.asset: (
                tables.evidence_query(
                    table.source + sql.SQL(" as derived"),
                    table.digest,
                    "valor_exato",
                    "natureza",
                ),
                tables.evidence_query(postgres.table(table.name), table.digest, "valor_exato", "natureza"),
            )
            for table in (HITSS, BUDGET)
        }
