"""The proof of a loaded month, inside its transaction and after all writes: every table against what feeds it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from sync_pipelines.hitss.dre import tables
from sync_pipelines.hitss.dre.lines import MonthContent
from sync_pipelines.hitss.dre.live_tables import LiveTables, read_live_month
from sync_pipelines.hitss.dre.plan import LoadPlan, Outcome, version_of
from sync_pipelines.hitss.dre.proof_queries import NO_ROWS, read_control_totals, total_text
from sync_pipelines.hitss.dre.tables import PUBLISHED, PublishedTable
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import Changes, Connection
from sync_pipelines.lib.postgres.digest import Proof, canonical

_UNDERIVED = "rows that dre_lines does not derive"


class ProofError(PermanentError):
    """Source and destination differ after the write; the transaction was rolled back."""


class TableWrite(NamedTuple):
    """What was written of one table's month, and the seconds that it took."""

    changes: Changes
    seconds: float


class ProvedMonth(NamedTuple):
    """The outcome of each selected table of a month, and what the run leaves outdated.

    `outdated` says of a table that was not selected why it no longer is what its inputs say.
    """

    outcomes: dict[str, Outcome]
    outdated: dict[str, str]


def prove_month(
    connection: Connection, plan: LoadPlan, month: str, *, writes: Mapping[str, TableWrite]
) -> ProvedMonth:
    """Compare all four tables in the transaction that wrote `writes`. Raises ProofError for what differs."""
    live = read_live_month(connection, plan.empresa, month)
    problems = live.problems(month, plan.expected_lines(month, live.lines_of(month)))
    for asset in tables.required_inputs(plan.selected):
        if sentence := problems.get(asset):
            raise ProofError(
                f"{asset} of {month[:7]} {sentence}, so nothing is derived from it. Load {asset} too."
            )
    proof = _MonthProof(connection=connection, plan=plan, month=month, live=live)
    outcomes = {asset: proof.outcome(asset, write) for asset, write in writes.items()}
    for asset, outcome in outcomes.items():
        differences = [*([problems[asset]] if asset in problems else []), *outcome.proof.differences()]
        if differences:
            raise ProofError(f"{asset} of {month[:7]} is not what it should be ({'; '.join(differences)}).")
    left = tables.dependents(plan.selected)
    return ProvedMonth(outcomes, {asset: problems[asset] for asset in left if asset in problems})


@dataclass(frozen=True)
class _MonthProof:
    """The proofs of a month's tables, from one reading of all four."""

    connection: Connection
    plan: LoadPlan
    month: str
    live: LiveTables

    def outcome(self, asset: str, write: TableWrite) -> Outcome:
        started = time.monotonic()
        match asset:
            case "dre_lines":
                outcome = self._lines(write.changes)
            case "dre_summary":
                outcome = self._summary(write.changes)
            case _:
                (table,) = (one for one in PUBLISHED if one.asset == asset)
                outcome = self._published(table, write.changes)
        return replace(outcome, seconds=write.seconds + time.monotonic() - started)

    def _version(self, asset: str) -> str:
        return version_of(asset, self.live.lines_of(self.month), self.plan.empresa)

    def _lines(self, changes: Changes) -> Outcome:
        content, rejected = self.plan.content(self.month), self.plan.rejected.get(self.month, 0)
        return Outcome(
            read=content.full.rows + rejected,
            changes=changes,
            proof=Proof(_control_totals(content), _control_totals(self.live.lines_of(self.month))),
            version=self._version("dre_lines"),
            rejected=rejected,
        )

    def _published(self, table: PublishedTable, changes: Changes) -> Outcome:
        found = self.live.published[table.asset].get(self.month, NO_ROWS)
        if found.differing:
            proof = Proof({_UNDERIVED: "0"}, {_UNDERIVED: str(found.differing)})
            return Outcome(read=found.rows, changes=changes, proof=proof, version=self._version(table.asset))
        # Row by row the table is what the lines derive, so its digest and totals are theirs too.
        digest, totals = read_control_totals(self.connection, table, self.month)
        shown = {"digest": str(digest), **totals, _UNDERIVED: "0"}
        return Outcome(
            read=digest.rows,
            changes=changes,
            proof=Proof(shown, dict(shown)),
            version=self._version(table.asset),
        )

    def _summary(self, changes: Changes) -> Outcome:
        computed, stored = self.live.computed[self.month], self.live.stored.get(self.month, {})
        return Outcome(
            read=1,
            changes=changes,
            proof=Proof(dict(computed), dict(stored)),
            version=self._version("dre_summary"),
            figures=stored,
        )


def _control_totals(content: MonthContent) -> dict[str, str]:
    """What a month of lines is compared by: its digest, and its control totals by report and Natureza."""
    totals = {
        name: total_text(total.rows, canonical(total.exact), canonical(total.rounded))
        for name, total in content.totals.items()
    }
    return {"digest": str(content.full), **totals}
