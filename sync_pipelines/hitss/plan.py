"""What a load has to do: the workbook's content beside what is proved and what the tables hold now."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from sync_pipelines.hitss import summary, tables
from sync_pipelines.hitss.guards import Violation
from sync_pipelines.hitss.lines import EMPTY_MONTH, MonthContent, ParsedExport
from sync_pipelines.hitss.tables import BUDGET, HITSS, PROJECT
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.ledger import RecordedProof
from sync_pipelines.lib.postgres import Changes
from sync_pipelines.lib.proof import Digest, Proof

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
    figures: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def adds_up(self) -> bool:
        return self.read == self.changes.written + self.changes.unchanged + self.rejected


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


@dataclass(frozen=True)
class Live:
    """What the selected tables hold at the start of a run, by asset and month."""

    digests: Mapping[str, Mapping[str, Digest]]
    summaries: Mapping[str, summary.Row]
    computed: Mapping[str, summary.Row]


def read_live(url: str, months: Collection[str], selected: Collection[str]) -> Live:
    """Look at all months at once: for a range it takes as long as for the few that changed.

    Over two connections, because a digest keeps one core of the server busy.
    """
    wanted = list(months)

    def lines() -> dict[str, Digest]:
        with postgres.connect(url, what=PROJECT, read_only=True) as connection:
            return tables.live_digests(connection, None, wanted)

    with (
        ThreadPoolExecutor(max_workers=1) as pool,
        postgres.connect(url, what=PROJECT, read_only=True) as connection,
    ):
        reading = pool.submit(lines)
        digests = {
            table.asset: tables.live_digests(connection, table, wanted)
            for table in (HITSS, BUDGET)
            if table.asset in selected
        }
        summaries: dict[str, summary.Row] = {}
        computed: dict[str, summary.Row] = {}
        if "dre_summary" in selected:
            summaries = summary.stored(connection, wanted)
            computed = summary.computed(connection, wanted)
        return Live({"dre_lines": reading.result(), **digests}, summaries, computed)


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
        if (violation := self.blocked.get(month)) and "dre_lines" in self.selected:
            raise PermanentError(str(violation))

    def content(self, month: str) -> MonthContent:
        return self.contents.get(month, EMPTY_MONTH)

    def version(self, asset: str, month: str) -> str:
        """What a proof of this run is made for: the workbook's content, where the lines hold it.

        A run of later tables alone derives them from the lines as they are; where those are older than the
        workbook, the proof must not pass for one of its content.
        """
        lines = self.live.digests["dre_lines"].get(month, Digest())
        if "dre_lines" not in self.selected and lines != self.content(month).full:
            return f"lines of another content: {lines}"
        return version_of(asset, self.content(month), self.empresa)

    def settled(self, month: str) -> dict[str, Outcome] | None:
        """The outcomes of a month whose selected tables all hold what they should; None when one does not."""
        outcomes: dict[str, Outcome] = {}
        for asset in CHAIN:
            if asset in self.selected:
                outcome = self._settled(asset, month)
                if outcome is None:
                    return None
                outcomes[asset] = outcome
        return outcomes

    def _settled(self, asset: str, month: str) -> Outcome | None:
        content, version = self.content(month), self.version(asset, month)
        live = {name: digests.get(month, Digest()) for name, digests in self.live.digests.items()}
        if asset == "dre_lines":
            return self.same_lines(month) if live[asset] == content.full else None
        if asset == "dre_summary":
            row = self.live.computed[month]
            proof = Proof(dict(row), dict(self.live.summaries.get(month, {})))
            return Outcome(1, Changes(unchanged=1), proof, version, figures=row) if proof.holds else None
        known = self.proofs.get(asset, {}).get(month)
        if known is None or not known.holds or known.source_version != version:
            return None
        # The proof was made for these very lines: are they still those, and is the table still this?
        if live["dre_lines"] != content.full or str(live[asset]) != known.proof.source["digest"]:
            return None
        rows = live[asset].rows
        return Outcome(rows, Changes(unchanged=rows), known.proof, version)

    def same_lines(self, month: str) -> Outcome:
        content, rejected = self.content(month), self.rejected.get(month, 0)
        digest = str(content.full)
        return Outcome(
            content.full.rows + rejected,
            Changes(unchanged=content.full.rows),
            Proof({"digest": digest}, {"digest": digest}),
            digest,
            rejected,
        )
