"""What an export is measured against before a load: what is published now, and what was proved of it earlier."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sync_pipelines.hitss.databases import FABRICIO
from sync_pipelines.hitss.dre.foreign_rows import count_foreign_rows
from sync_pipelines.hitss.dre.lines import EMPTY_MONTH, MonthContent
from sync_pipelines.hitss.dre.live_tables import LiveTables
from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.digest import Digest, Proof
from sync_pipelines.lib.records import Records
from sync_pipelines.lib.records.proofs import RecordableProof


@dataclass(frozen=True)
class Baseline:
    """What is loaded now, by month key: the number of lines, and the content of months that are to change.

    Where the table lost rows since they were proved, the proof counts and not the table: `lines` is its number, and
    `lost` the content of such months that are to change, without its totals.
    """

    lines: Mapping[str, int] = field(default_factory=dict)
    changing: Mapping[str, MonthContent] = field(default_factory=dict)
    lost: Mapping[str, MonthContent] = field(default_factory=dict)
    foreign_rows: int = 0


def read_baseline(
    connection: Connection,
    contents: Mapping[str, MonthContent],
    proved: Mapping[str, MonthContent],
    live: LiveTables,
) -> Baseline:
    """What the guards compare a workbook with; content only of months that the workbook changes.

    `proved` is the content of each month when it was last proved. The guards do not stop a month that the workbook
    leaves as it was proved, whatever somebody did to its rows since. A table that lost rows must not let a cut export
    pass because it still has more rows than the table.
    """
    with postgres.errors_about(FABRICIO):
        rows = connection.execute("select competencia::text, count(*) from sync_private.dre_lines group by 1")
        lines: dict[str, int] = dict(rows.fetchall())
        foreign = count_foreign_rows(connection)
    differing = {
        month
        for month in live.lines.keys() | proved.keys()
        if month not in proved or contents.get(month, EMPTY_MONTH).full != proved[month].full
    }
    changing = {month: found.content for month, found in live.lines.items() if month in differing}
    shrunk = {month: known for month, known in proved.items() if known.full.rows > lines.get(month, 0)}
    lost = {month: known for month, known in shrunk.items() if month in differing}
    lines |= {month: known.full.rows for month, known in shrunk.items()}
    return Baseline(lines=lines, changing=changing, lost=lost, foreign_rows=foreign)


def read_proved_months(records: Records, first: str = "") -> dict[str, MonthContent]:
    """What each month from `first` on held when it was last proved, without its totals."""
    lines, realizado, orcado = (
        {
            # The version of a published table begins with the digest of its lines (plan.version_of).
            month: Digest.parse(proof.source_version.partition(" ")[0])
            for month, proof in records.proofs.newest(f"hitss/{asset}").items()
            if proof.holds
        }
        for asset in ("dre_lines", "dre_hitss", "dre_orcado")
    )
    return {
        month: MonthContent(
            realizado=realizado.get(month, Digest()), orcado=orcado.get(month, Digest()), full=full, totals={}
        )
        for month, full in lines.items()
        if month >= first
    }


def proofs_of_gone_months(
    records: Records, contents: Mapping[str, MonthContent], live: LiveTables, accepted: Collection[str]
) -> list[RecordableProof]:
    """Proofs of nothing, for months that were proved once and that neither workbook nor tables hold any more.

    Only if a person accepts it. No load reaches such a month, so without them the guard would stop the file each day.
    """
    if not {*accepted} & {"closed_months_present", "plausible_month_size"}:
        return []
    nothing = Proof({"digest": str(Digest())}, {"digest": str(Digest())})
    held = live.months() | contents.keys()
    return [
        RecordableProof(
            asset="hitss/dre_lines", partition_key=month, source_version=str(Digest()), proof=nothing
        )
        for month, content in read_proved_months(records).items()
        if content.full.rows and month not in held
    ]
