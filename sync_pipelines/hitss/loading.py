"""A month from the workbook to proof: one transaction over all its tables, nothing wrong ever committed.

Source and destination are compared before the commit. A month whose tables hold already what the workbook
says is proved by reading it, and nothing is written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from psycopg import sql

from sync_pipelines.hitss import tables
from sync_pipelines.hitss.guards import Violation
from sync_pipelines.hitss.lines import EMPTY_MONTH, LINE_FIELDS, MonthContent, ParsedExport
from sync_pipelines.hitss.summary import MONTHS_SHOWN, MonthFigures
from sync_pipelines.hitss.tables import BUDGET, HITSS, LINES, PublishedTable
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.ledger import RecordedProof
from sync_pipelines.lib.postgres import Changes, Connection
from sync_pipelines.lib.proof import NULL, Digest, Proof, canonical

#: The month chain in the order in which its tables feed each other.
CHAIN = ("dre_lines", "dre_hitss", "dre_orcado", "dre_summary")


@dataclass(frozen=True)
class Outcome:
    """What happened to one table's month. read = loaded + unchanged + rejected, in rows."""

    read: int
    changes: Changes
    proof: Proof
    version: str
    rejected: int = 0
    figures: Mapping[str, float] = field(default_factory=dict)
    history: tuple[MonthFigures, ...] = ()
    seconds: float = 0.0

    @property
    def adds_up(self) -> bool:
        return self.read == self.changes.written + self.changes.unchanged + self.rejected


class ProofError(PermanentError):
    """Source and destination differ after the write; the transaction was rolled back."""


def version_of(asset: str, content: MonthContent, empresa: str) -> str:
    """The version of the source that a table's month depends on: money, and for the lines also people."""
    match asset:
        case "dre_lines":
            return str(content.full)
        case "dre_hitss":
            return f"{content.realizado} {empresa}"
        case "dre_orcado":
            return f"{content.orcado} {empresa}"
    return f"{content.realizado} {content.orcado} {empresa}"


@dataclass
class MonthLoader:
    """Loads months over one connection to the project database.

    `contents` says what the workbook holds, without its rows; `parse` gives the rows, and is called only when
    a month must be written. `proofs` are the newest proofs by asset. `blocked` are months that a guard stops.
    """

    connection: Connection
    months: Collection[str]
    contents: Mapping[str, MonthContent]
    parse: Callable[[], ParsedExport]
    proofs: Mapping[str, Mapping[str, RecordedProof]]
    execution_id: str
    empresa: str
    rejected: Mapping[str, int] = field(default_factory=dict)
    blocked: Mapping[str, Violation] = field(default_factory=dict)
    selected: Collection[str] = CHAIN

    def load(self, month: str) -> dict[str, Outcome]:
        """Bring the selected tables' month up to date and prove it.

        Returns an Outcome for each selected table. Raises PermanentError for a blocked month, ProofError
        when the tables do not hold what they should, TransientError when another run holds the month.
        """
        if (violation := self.blocked.get(month)) and "dre_lines" in self.selected:
            raise PermanentError(str(violation))
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
                if asset in self.selected:
                    started = time.monotonic()
                    outcome = step()
                    outcomes[asset] = replace(outcome, seconds=time.monotonic() - started)
            for asset, outcome in outcomes.items():
                if not outcome.proof.holds:
                    differences = "; ".join(outcome.proof.differences())
                    raise ProofError(f"{asset} of {month[:7]} is not what it should be ({differences}).")
        return outcomes

    def _load_lines(self, month: str) -> Outcome:
        content = self.contents.get(month, EMPTY_MONTH)
        before = self._live_lines.get(month, Digest())
        rejected = self.rejected.get(month, 0)
        read = content.full.rows + rejected
        version = version_of("dre_lines", content, self.empresa)
        if before == content.full:
            same = Changes(unchanged=content.full.rows)
            return Outcome(read, same, Proof({"digest": version}, {"digest": str(before)}), version, rejected)
        rows = ((*row, self.execution_id) for row in self.parse().rows(month))
        if before.rows == 0:
            columns = (*LINE_FIELDS, "execution_id")
            postgres.copy_rows(self.connection, LINES, columns, rows, null=NULL)
            changes = Changes(inserted=content.full.rows)
        else:
            changes = self._merge_lines(month, rows)
        after, totals = tables.evidence(
            self.connection, postgres.table(LINES), tables.ALL_COLUMNS, "lancamento", month
        )
        source = {
            name: tables.total_text(total.rows, canonical(total.exact), canonical(total.rounded))
            for name, total in content.totals.items()
        }
        proof = Proof({"digest": version, **source}, {"digest": str(after), **totals})
        return Outcome(read, changes, proof, version, rejected)

    def _merge_lines(self, month: str, rows: Iterable[Sequence[object]]) -> Changes:
        self.connection.execute(
            "create temporary table if not exists dre_lines_staged"
            " (like sync_private.dre_lines including defaults) on commit delete rows"
        )
        postgres.copy_rows(
            self.connection, "dre_lines_staged", (*LINE_FIELDS, "execution_id"), rows, null=NULL
        )
        return postgres.merge_slice(
            self.connection,
            source=sql.Identifier("dre_lines_staged"),
            target=LINES,
            key=("competencia", *tables.LINE_KEY),
            columns=tables.LINE_COLUMNS,
            stamped={"execution_id": self.execution_id},
            where=sql.SQL("target.competencia = %(month)s"),
            parameters={"month": month},
        )

    def _publish(self, table: PublishedTable, month: str) -> Outcome:
        before = self._live_published[table.asset].get(month, Digest())
        content = self.contents.get(month, EMPTY_MONTH)
        version = version_of(table.asset, content, self.empresa)
        known = self.proofs.get(table.asset, {}).get(month)
        lines_are_as_proved = self._live_lines.get(month, Digest()) == content.full
        is_proved = known is not None and known.holds and known.source_version == version
        if known and is_proved and lines_are_as_proved and str(before) == known.proof.source["digest"]:
            return Outcome(before.rows, Changes(unchanged=before.rows), known.proof, version)
        source = table.source(self.empresa)
        changes = postgres.merge_slice(
            self.connection,
            source=source,
            target=table.name,
            key=("competencia", *tables.LINE_KEY),
            columns=tuple(name for name in table.columns if name != "competencia"),
            stamped={"execution_id": self.execution_id},
            where=sql.SQL("target.competencia = %(month)s and target.line_hash is not null"),
            parameters={"month": month},
        )
        derived = source + sql.SQL(" as derived")
        expected, lines = tables.evidence(self.connection, derived, table.digest, "valor_exato", month)
        name = postgres.table(table.name)
        after, rows = tables.evidence(self.connection, name, table.digest, "valor_exato", month)
        proof = Proof({"digest": str(expected), **lines}, {"digest": str(after), **rows})
        return Outcome(expected.rows, changes, proof, version)

    def _summarise(self, month: str) -> Outcome:
        """One row of sums: computed once, written when it differs, read back."""
        expected = self._summary_row(sql.SQL(tables.SUMMARY_QUERY + " as computed"), month)
        stored = sql.SQL("public.dre_summary where competencia = any(%(months)s::date[])")
        changes = Changes(unchanged=1)
        if self._summary_row(stored, month) != expected:
            statement = sql.SQL(
                "insert into public.dre_summary (competencia, execution_id, {names}) values (%s, %s, {values})"
                " on conflict (competencia) do update set execution_id = excluded.execution_id,"
                " updated_at = now(), {updates} returning xmax = 0"
            ).format(
                names=sql.SQL(", ").join(map(sql.Identifier, tables.SUMMARY_COLUMNS)),
                values=sql.SQL(", ").join([sql.Placeholder()] * len(tables.SUMMARY_COLUMNS)),
                updates=sql.SQL(", ").join(
                    sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name))
                    for name in tables.SUMMARY_COLUMNS
                ),
            )
            values = (month, self.execution_id, *expected.values())
            inserted = self.connection.execute(statement, values).fetchone()
            changes = Changes(inserted=1) if inserted == (True,) else Changes(changed=1)
        version = version_of("dre_summary", self.contents.get(month, EMPTY_MONTH), self.empresa)
        figures = {name: float(value) for name, value in expected.items()}
        proof = Proof(expected, self._summary_row(stored, month))
        return Outcome(1, changes, proof, version, figures=figures, history=self._history(month))

    def _summary_row(self, source: sql.Composable, month: str) -> dict[str, str]:
        names = sql.SQL(", ").join(map(sql.Identifier, tables.SUMMARY_COLUMNS))
        query = sql.SQL("select {} from {}").format(names, source)
        row = self.connection.execute(query, {"months": [month]}).fetchone()
        if row is None:
            return {}
        return {name: str(canonical(value)) for name, value in zip(tables.SUMMARY_COLUMNS, row, strict=True)}

    def _history(self, month: str) -> tuple[MonthFigures, ...]:
        """The summary up to a month, oldest first, as far back as its picture goes."""
        rows = self.connection.execute(
            "select receita::float, custo::float, margem::float from public.dre_summary"
            " where competencia <= %s order by competencia desc limit %s",
            (month, MONTHS_SHOWN),
        ).fetchall()
        return tuple(MonthFigures(*row) for row in reversed(rows))

    @cached_property
    def _live_lines(self) -> dict[str, Digest]:
        return tables.live_digests(self.connection, None, list(self.months))

    @cached_property
    def _live_published(self) -> dict[str, dict[str, Digest]]:
        return {
            table.asset: tables.live_digests(self.connection, table, list(self.months))
            for table in (HITSS, BUDGET)
            if table.asset in self.selected
        }
