"""What a load has to do: the workbook's content beside what the tables hold now."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from sync_pipelines.hitss.dre.guards import Violation
from sync_pipelines.hitss.dre.lines import EMPTY_MONTH, MonthContent, ParsedExport
from sync_pipelines.hitss.dre.prove import CHAIN, NO_LINES, Live
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import Changes
from sync_pipelines.lib.postgres.digest import Digest, Proof
from sync_pipelines.lib.records.proofs import RecordedProof

__all__ = ["CHAIN", "LoadPlan", "Outcome", "version_of"]

#: The tables that each table is derived from.
INPUTS: Mapping[str, tuple[str, ...]] = {
    "dre_lines": (),
    "dre_hitss": ("dre_lines",),
    "dre_orcado": ("dre_lines",),
    "dre_summary": ("dre_lines", "dre_hitss", "dre_orcado"),
}


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
    def adds_up(self) -> bool:
        return self.read == self.changes.written + self.changes.unchanged + self.rejected


def version_of(asset: str, lines: MonthContent, empresa: str) -> str:
    """What a table's month is computed from: lines of this content, and the company's name."""
    match asset:
        case "dre_lines":
            return str(lines.full)
        case "dre_hitss":
            return f"{lines.realizado} {empresa}"
        case "dre_orcado":
            return f"{lines.orcado} {empresa}"
    return f"{lines.realizado} {lines.orcado} {empresa}"


def required_inputs(selected: Collection[str]) -> tuple[str, ...]:
    """The tables that the selected ones read and that this run does not write, in the order of the chain."""
    read = {table for asset in selected for table in INPUTS[asset]}
    return tuple(asset for asset in CHAIN if asset in read and asset not in selected)


def dependents(selected: Collection[str]) -> tuple[str, ...]:
    """The tables that are derived from the selected ones and that this run does not write."""
    return tuple(
        asset for asset in CHAIN if asset not in selected and any(one in selected for one in INPUTS[asset])
    )


@dataclass(frozen=True)
class LoadPlan:
    """What a run loads, the same for each of its connections.

    `contents` says what the workbook holds, without its rows; `parse` gives the rows, and is called only when
    a month must be written. `proofs` are the newest proofs by asset. `blocked` are months that a guard stops.
    """

    contents: Mapping[str, MonthContent]
    parse: Callable[[], ParsedExport]
    proofs: Mapping[str, Mapping[str, RecordedProof]]
    live: Live
    execution_id: str
    empresa: str
    rejected: Mapping[str, int] = field(default_factory=dict)
    blocked: Mapping[str, Violation] = field(default_factory=dict)
    selected: Collection[str] = CHAIN

    def stop_if_blocked(self, month: str) -> None:
        """Raise PermanentError for a month that a guard stops, and for one of which there is nothing at all."""
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
        """What the lines should hold: the workbook's content.

        A run of later tables alone may also derive them from lines that were proved for an older workbook:
        `found` itself, when the newest proof was made for it.
        """
        known = self.proofs.get("dre_lines", {}).get(month)
        if "dre_lines" in self.selected or known is None or not known.holds:
            return self.content(month)
        return found if found.full == Digest.parse(known.source_version) else self.content(month)

    def settled(self, month: str) -> dict[str, Outcome] | None:
        """The outcomes of a month whose selected tables all hold what they should; None when one does not."""
        if self.is_void(month):
            return None
        lines = self.live.lines.get(month, NO_LINES).content
        expected = self.expected_lines(month, lines)
        looked_at = (*self.selected, *required_inputs(self.selected), *dependents(self.selected))
        if any(self.live.problem(asset, month, expected) for asset in looked_at):
            return None
        outcomes: dict[str, Outcome] = {}
        for asset in CHAIN:
            if asset in self.selected:
                outcome = self._settled(asset, month, lines)
                if outcome is None:
                    return None
                outcomes[asset] = outcome
        return outcomes

    def _settled(self, asset: str, month: str, lines: MonthContent) -> Outcome | None:
        version = version_of(asset, lines, self.empresa)
        if asset == "dre_lines":
            return self.same_lines(month)
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
        # The rows were compared one by one just now; the digest to show is that of the same derivation.
        known = self.proofs.get(asset, {}).get(month)
        if known is None or not known.holds or known.source_version != version:
            return None
        rows = self.live.rows(asset, month)
        return Outcome(read=rows, changes=Changes(unchanged=rows), proof=known.proof, version=version)

    def same_lines(self, month: str) -> Outcome:
        content, rejected = self.content(month), self.rejected.get(month, 0)
        digest = str(content.full)
        return Outcome(
            read=content.full.rows + rejected,
            changes=Changes(unchanged=content.full.rows),
            proof=Proof({"digest": digest}, {"digest": digest}),
            version=digest,
            rejected=rejected,
        )
