"""What the project database holds before a load: for the guards, and the rows that others put there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import LiteralString

from sync_pipelines.hitss.dre.guards import Published
from sync_pipelines.hitss.dre.lines import EMPTY_MONTH, MonthContent
from sync_pipelines.hitss.dre.prove import Live, LiveLines
from sync_pipelines.hitss.dre.tables import PROJECT
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.catalog import dependents
from sync_pipelines.lib.postgres.digest import Digest, Proof
from sync_pipelines.lib.records import Records
from sync_pipelines.lib.records.proofs import RecordableProof

# Of the rows that were to move: those that are not whole where they should be, or still where they were. What this
# transaction set aside bears its time, by the column's default.
_NOT_SET_ASIDE: LiteralString = """
    select (
        select count(*) from foreign_rows as wanted full join (
            select row_id, row_data from sync_private.dre_hitss_set_aside
            where execution_id = %(execution_id)s and set_aside_at = now()
        ) as kept on kept.row_id = wanted.row_id and kept.row_data = wanted.row_data
        where wanted.row_id is null or kept.row_id is null
    ) + (select count(*) from public.dre_hitss where line_hash is null)
"""


def published(
    connection: Connection,
    contents: Mapping[str, MonthContent],
    proved: Mapping[str, MonthContent],
    live: Mapping[str, LiveLines],
) -> Published:
    """What is loaded now, for the guards; each report's content only of months that the workbook changes.

    `proved` is the content of each month when it was last proved: a month that the workbook leaves as it was
    proved is no business of the guards, whatever somebody did to its rows since. `live` is what the lines hold. A
    table that lost rows must not let a cut export pass, which has more than the rest.
    """
    with postgres.errors_about(PROJECT):
        rows = connection.execute("select competencia::text, count(*) from sync_private.dre_lines group by 1")
        lines: dict[str, int] = dict(rows.fetchall())
        foreign = connection.execute(
            "select count(*) from public.dre_hitss where line_hash is null"
        ).fetchone()
    differing = {
        month
        for month in live.keys() | proved.keys()
        if month not in proved or contents.get(month, EMPTY_MONTH).full != proved[month].full
    }
    changing = {month: found.content for month, found in live.items() if month in differing}
    before = {month: known for month, known in proved.items() if known.full.rows > lines.get(month, 0)}
    lost = {month: known for month, known in before.items() if month in differing}
    lines |= {month: known.full.rows for month, known in before.items()}
    return Published(lines=lines, changing=changing, lost=lost, foreign_rows=foreign[0] if foreign else 0)


def proved_contents(records: Records) -> dict[str, Digest]:
    """The content of each month of lines as it was last proved."""
    return {month: content.full for month, content in proved_months(records).items()}


def proved_months(records: Records, first: str = "") -> dict[str, MonthContent]:
    """What each month from `first` on held when it was last proved, without its totals."""
    lines, realizado, orcado = (
        {
            # What a published table is derived from is named by a digest and the company (plan.version_of).
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


def accepted_as_gone(
    records: Records, contents: Mapping[str, MonthContent], live: Live, accepted: Collection[str]
) -> list[RecordableProof]:
    """Months that were proved and of which workbook and tables hold nothing any more, where a person accepts that.

    No load comes by them, so the guard would ask again each day.
    """
    if not {*accepted} & {"closed_months_present", "plausible_month_size"}:
        return []
    nothing = Proof({"digest": str(Digest())}, {"digest": str(Digest())})
    there = live.months() | contents.keys()
    return [
        RecordableProof(
            asset="hitss/dre_lines", partition_key=month, source_version=str(Digest()), proof=nothing
        )
        for month, content in proved_months(records).items()
        if content.full.rows and month not in there
    ]


def set_aside_foreign_rows(connection: Connection, execution_id: str) -> int:
    """Move the rows that this pipeline did not load out of dre_hitss, keeping them whole; returns how many.

    Locked before it is read, since what others write in between would be in neither table; compared after all
    writes. Raises PermanentError for a row that would not be kept whole, or that others hang on by a cascade.
    """
    with postgres.errors_about(PROJECT), connection.transaction():
        connection.execute("lock table public.dre_hitss in share row exclusive mode")
        if names := dependents(connection, "public.dre_hitss"):
            raise PermanentError(
                "Rows of dre_hitss that came from elsewhere were not set aside: moving them would delete or empty rows"
                f" of {', '.join(names)} by a foreign key. Take its action ON DELETE away."
            )
        connection.execute(
            "create temporary table foreign_rows on commit drop as"
            " select id::text as row_id, to_jsonb(own) as row_data from public.dre_hitss as own where line_hash is null"
        )
        count = connection.execute("select count(*) from foreign_rows").fetchone()
        connection.execute(
            "insert into sync_private.dre_hitss_set_aside (execution_id, row_id, row_data)"
            " select %s, row_id, row_data from foreign_rows",
            (execution_id,),
        )
        connection.execute("delete from public.dre_hitss where line_hash is null")
        postgres.end_writes(connection)
        lost = connection.execute(_NOT_SET_ASIDE, {"execution_id": execution_id}).fetchone()
        if lost != (0,):
            raise PermanentError(
                "Rows of dre_hitss that came from elsewhere are not whole in sync_private.dre_hitss_set_aside:"
                " something in the database alters what is written. Nothing was changed."
            )
    return int(count[0]) if count else 0
