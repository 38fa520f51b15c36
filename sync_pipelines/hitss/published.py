"""What the project database holds before a load: for the guards, and the rows that others put there."""

from __future__ import annotations

from collections.abc import Mapping

from sync_pipelines.hitss.guards import Published
from sync_pipelines.hitss.lines import EMPTY_MONTH, MonthContent
from sync_pipelines.hitss.live import LiveLines
from sync_pipelines.hitss.tables import PROJECT
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.ledger import Ledger
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.proof import Digest


def published(
    connection: Connection,
    contents: Mapping[str, MonthContent],
    proved: Mapping[str, Digest],
    live: Mapping[str, LiveLines],
) -> Published:
    """What is loaded now, for the guards; each report's content only of months that the workbook changes.

    `proved` is the content of each month when it was last proved: a month that the workbook leaves as it was
    proved is no business of the guards, whatever somebody did to its rows since. `live` is what the lines hold.
    """
    with postgres.errors_about(PROJECT):
        rows = connection.execute("select competencia::text, count(*) from sync_private.dre_lines group by 1")
        lines: dict[str, int] = dict(rows.fetchall())
        foreign = connection.execute(
            "select count(*) from public.dre_hitss where line_hash is null"
        ).fetchone()
    changing = {
        month: found.content
        for month, found in live.items()
        if contents.get(month, EMPTY_MONTH).full != proved.get(month)
    }
    return Published(lines, changing, foreign[0] if foreign else 0)


def proved_contents(ledger: Ledger) -> dict[str, Digest]:
    """The content of each month of lines as it was last proved."""
    proofs = ledger.proofs("hitss/dre_lines")
    return {month: Digest.parse(proof.source_version) for month, proof in proofs.items() if proof.holds}


def set_aside_foreign_rows(connection: Connection, execution_id: str) -> int:
    """Move the rows that this pipeline did not load out of dre_hitss, keeping them whole; returns how many."""
    with postgres.errors_about(PROJECT), connection.transaction():
        kept = connection.execute(
            "insert into sync_private.dre_hitss_set_aside (execution_id, row_id, row_data)"
            " select %s, id::text, to_jsonb(foreign_row) from public.dre_hitss as foreign_row"
            " where line_hash is null",
            (execution_id,),
        ).rowcount
        gone = connection.execute("delete from public.dre_hitss where line_hash is null").rowcount
        if kept != gone:
            raise PermanentError(f"{kept} foreign rows were kept but {gone} would go; nothing was changed.")
    return kept
