"""What the credits of a user must be once every invoice was analysed, by the rules of the double `analyze-credits`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg

from sync_pipelines.sandbox.erp.notes import NoteItem, SandboxNote
from sync_pipelines.sandbox.erp.truth_analysis import rows_of

_TITLE = "💰 {} créditos tributários identificados!"


def credits_of(item: NoteItem) -> list[tuple[str, Decimal]]:
    """The rule and the amount of each credit in a line."""
    taxes, found = item.taxes, []
    if taxes.pis_cst in ("01", "02", "03") and taxes.pis + taxes.cofins:
        found.append(("PIS_COFINS_INSUMOS", taxes.pis + taxes.cofins))
    if taxes.st:
        found.append(("ICMS_ST_RESSARCIMENTO", taxes.st))
    if taxes.icms_cst in ("00", "20") and taxes.icms:
        found.append(("ICMS_CREDITO", taxes.icms))
    if taxes.ipi:
        found.append(("IPI_CREDITO", taxes.ipi))
    return found


def credit_differences(
    connection: psycopg.Connection[Any], user_id: UUID, notes: Sequence[SandboxNote]
) -> Iterator[str]:
    """Each authorised note has its credits once, each with its import; a cancelled or denied one has none."""
    rows = rows_of(
        connection,
        "select c.*, i.nfe_key as import_key, r.rule_code from public.identified_credits as c"
        " left join public.xml_imports as i on i.id = c.xml_import_id"
        " left join public.credit_rules as r on r.id = c.rule_id where c.user_id = %s",
        user_id,
    )
    held: dict[str, Counter[tuple[Any, ...]]] = {}
    for row in rows:
        if row["import_key"] != row["nfe_key"]:
            yield f"a credit of {row['nfe_key']} is at the import of {row['import_key']}"
        figures = (row["rule_code"], row["potential_recovery"], row["ncm_code"], row["cfop"], row["nfe_date"])
        held.setdefault(str(row["nfe_key"]), Counter())[figures] += 1
    known = {str(note.key): note for note in notes}
    for key, note in known.items():
        meant = Counter(
            (rule, amount, item.ncm, item.cfop, note.issued_at.date())
            for item in note.items
            if note.state == "authorised"
            for rule, amount in credits_of(item)
        )
        has = held.get(key, Counter())
        yield from (
            f"{key} lacks the credit {rule} of {amount}" for rule, amount, *_ in (meant - has).elements()
        )
        yield from (
            f"{key} has the credit {rule} of {amount}" for rule, amount, *_ in (has - meant).elements()
        )
    yield from (f"{key} has credits, and is no invoice of the time" for key in held.keys() - known.keys())


def summary_differences(connection: psycopg.Connection[Any], user_id: UUID, today: date) -> Iterator[str]:
    """Today's summary adds up all the user's credits; one notification of today says how many there are."""
    rows = rows_of(
        connection,
        "select potential_recovery as amount, confidence_level as level, tax_type as tax"
        " from public.identified_credits as c join public.credit_rules as r on r.id = c.rule_id where user_id = %s",
        user_id,
    )
    columns = {"PIS/COFINS": "pis_cofins", "ICMS": "icms", "ICMS-ST": "icms_st", "IPI": "ipi"}
    meant: dict[str, Any] = {f"{one}_potential": Decimal(0) for one in columns.values()}
    meant |= {f"{one}_confidence_total": Decimal(0) for one in ("high", "medium", "low")}
    meant |= {"total_potential": Decimal(0), "credits_found_count": len(rows)}
    for row in rows:
        for column in (
            f"{columns[row['tax']]}_potential",
            f"{row['level']}_confidence_total",
            "total_potential",
        ):
            meant[column] += row["amount"]
    summaries = rows_of(
        connection,
        "select * from public.credit_analysis_summary where user_id = %s and analysis_date = %s",
        user_id,
        today,
    )
    if len(summaries) != 1:
        yield f"there are {len(summaries)} summaries of {today}"
        return
    yield from (
        f"credit_analysis_summary: {column} is {summaries[0][column]}, not {value}"
        for column, value in meant.items()
        if summaries[0][column] != value
    )


def notification_differences(connection: psycopg.Connection[Any], user_id: UUID, count: int) -> Iterator[str]:
    """Of the notifications that the calls made one is left, with the number of credits."""
    rows = rows_of(
        connection,
        "select title from public.notifications where user_id = %s and action_url = '/analise-notas-fiscais'",
        user_id,
    )
    titles = [row["title"] for row in rows]
    if titles != [_TITLE.format(count)]:
        yield f"the notifications are {titles}, not one of {count} credits"
