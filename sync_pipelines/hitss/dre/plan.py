"""What a load has to do: the content of the workbook against what the tables hold now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sync_pipelines.hitss.dre.guards import Violation
from sync_pipelines.hitss.dre.landed_workbook import LandedWorkbook
from sync_pipelines.hitss.dre.lines import EMPTY_MONTH, MonthContent
from sync_pipelines.hitss.dre.live_tables import LiveTables
from sync_pipelines.hitss.dre.tables import CHAIN, dependents, required_inputs
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import Changes
from sync_pipelines.lib.postgres.digest import Digest, Proof
from sync_pipelines.lib.records.proofs import RecordedProof


@dataclass(frozen=True)
class Outcome:
    """What happened to one table's month. read = loaded + unchanged + rejected, in rows."""

    read: int
    changes: Changes
    proof: Proof
    version: str
    rejected: int = 0
    figures: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def is_accounted_for(self) -> bool:
        return self.read == self.changes.written + self.changes.unchanged + self.rejected


def version_of(asset: str, lines: MonthContent, empresa: str) -> str:
    """What a table's month is derived from: lines of this content, and the name of the company."""
    match asset:
        case "dre_lines":
            return str(lines.full)
        case "dre_hitss":
            return f"{lines.realizado} {empresa}"
        case "dre_orcado":
            return f"{lines.orcado} {empresa}"
    return f"{lines.realizado} {lines.orcado} {empresa}"


@dataclass(frozen=True)
class LoadPlan:
    """What a run loads, the same for each of its connections.

    `contents` is what the workbook holds by month, `live` what the tables held when the run began, `proofs` are the
    newest recorded proofs by table. `blocked` are months that a guard stops, `rejected` counts rejected rows by month.
    """

    workbook: LandedWorkbook
    contents: Mapping[str, MonthContent]
    proofs: Mapping[str, Mapping[str, RecordedProof]]
    live: LiveTables
    execution_id: str
    empresa: str
    rejected: Mapping[str, int] = field(default_factory=dict)
    blocked: Mapping[str, Violation] = field(default_factory=dict)
    selected: Collection[str] = CHAIN

    def stop_if_blocked(self, month: str) -> None:
        """Raise PermanentError for a month that a guard stops, and for a month that is empty everywhere."""
        if (violation := self.blocked.get(month)) and "dre_lines" in self.selected:
            raise PermanentError(str(violation))
        if self.is_void(month):
            newest = max(self.contents, default="")[:7]
            until = f"; its newest month is {newest}" if newest else ""
            raise PermanentError(
                f"The workbook holds no rows of {month[:7]}{until}, and the tables hold none either: nothing was"
                " loaded, and there is nothing to prove."
            )

    def is_void(self, month: str) -> bool:
        """Whether neither the workbook nor a table holds a row of the month."""
        return not self.content(month).full.rows and month not in self.live.months()

    def content(self, month: str) -> MonthContent:
        return self.contents.get(month, EMPTY_MONTH)

    def expected_lines(self, month: str, found: MonthContent) -> MonthContent:
        """What the lines should hold: the content of the workbook.

        A run of later tables alone may also derive them from lines that were proved for an older workbook: if the
        newest proof was made for `found`, that is `found` itself.
        """
        known = self.proofs.get("dre_lines", {}).get(month)
        if "dre_lines" in self.selected or known is None or not known.holds:
            return self.content(month)
        return found if found.full == Digest.parse(known.source_version) else self.content(month)

    def up_to_date(self, month: str) -> dict[str, Outcome] | None:
        """The outcomes of a month whose selected tables all hold what they should; None if one does not."""
        if self.is_void(month):
            return None
        lines = self.live.lines_of(month)
        expected = self.expected_lines(month, lines)
        looked_at = (*self.selected, *required_inputs(self.selected), *dependents(self.selected))
        if any(self.live.problem(asset, month, expected) for asset in looked_at):
            return None
        outcomes: dict[str, Outcome] = {}
        for asset in CHAIN:
            if asset in self.selected:
                outcome = self._unchanged(asset, month, lines)
                if outcome is None:
                    return None
                outcomes[asset] = outcome
        return outcomes

    def _unchanged(self, asset: str, month: str, lines: MonthContent) -> Outcome | None:
        version = version_of(asset, lines, self.empresa)
        if asset == "dre_lines":
            return self._same_lines(month)
        if asset == "dre_summary":
            row = self.live.stored.get(month)
            if row is None:
                return None
            return Outcome(
                read=1,
                changes=Changes(unchanged=1),
                proof=Proof(dict(row), dict(row)),
                version=version,
                figures=row,
            )
        # The rows were compared one by one just now; the recorded proof of the same derivation has the digest to show.
        known = self.proofs.get(asset, {}).get(month)
        if known is None or not known.holds or known.source_version != version:
            return None
        rows = self.live.rows(asset, month)
        return Outcome(read=rows, changes=Changes(unchanged=rows), proof=known.proof, version=version)

    def _same_lines(self, month: str) -> Outcome:
        content, rejected = self.content(month), self.rejected.get(month, 0)
        digest = str(content.full)
        return Outcome(
            read=content.full.rows + rejected,
            changes=Changes(unchanged=content.full.rows),
            proof=Proof({"digest": digest}, {"digest": digest}),
            version=digest,
            rejected=rejected,
        )
