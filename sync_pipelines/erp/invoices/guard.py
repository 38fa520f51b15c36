"""Invoices that a month's list lacks though an earlier one had them: never assumed to be cancelled.

A list that was read in part looks like invoices that vanished, so far too many at once stop the month until a person
accepts it. Each of the others is asked for by its number: what the ERP then says of it counts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, NamedTuple

from sync_pipelines.erp.invoices.validate import VOID_STATES
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.erp.vendors.vendor import Invoice, InvoiceState
from sync_pipelines.lib.failures import PermanentError, RefusedError, SyncError, ThrottledError

#: What a person accepts where far more invoices than usual are not listed any more.
MASS_VANISHING = "mass_vanishing"
#: Invoices of a month that may vanish without a question, and the share of it above which more are one.
FEW, LARGE_SHARE = 10, 0.2
#: A month of at least so many invoices that becomes empty is a question too.
NEVER_EMPTY_FROM = 5
#: So many are asked for by their number; a person who accepts more than that knows what became of them.
ASKED = 50

_BEFORE = (
    "select vendor_id, nfe_key, state, issue_date, direction, series, number, model, vanished_at is null"
    " from sync_private.invoices where connection_id = %s and month = %s order by vendor_id"
)


class Vanished(NamedTuple):
    """An invoice that is not listed any more, and what the ERP says of it when asked."""

    invoice: Invoice
    is_new: bool
    said: InvoiceState | None = None


def vanished(session: SyncSession, month: date, listed: Collection[str]) -> list[Vanished]:
    """The invoices of a month that `listed`, the vendor's numbers of the whole list, lacks.

    Raises PermanentError where they are too many to be plausible and nobody accepted it.
    """
    rows = session.database.execute(_BEFORE, (session.connection.id, month)).fetchall()
    found = [_vanished(row) for row in rows if row[0] not in listed]
    before, gone = sum(row[-1] for row in rows), sum(one.is_new for one in found)
    has_some = any(row[0] in listed for row in rows)
    emptied = gone == before >= NEVER_EMPTY_FROM and not has_some
    if MASS_VANISHING not in session.accepted and (emptied or (gone > FEW and gone > LARGE_SHARE * before)):
        raise PermanentError(
            f"{gone} of {before} invoices of {month:%Y-%m} are not in the list of {session.key} any more. Nothing of"
            f" the month was changed. If they are gone, accept {MASS_VANISHING}."
        )
    return found


def move(session: SyncSession, month: date, listed: Mapping[str, date]) -> None:
    """Move invoices of a month to the month in which the list, by the vendor's number, has them now."""
    rows = session.database.execute(_BEFORE, (session.connection.id, month)).fetchall()
    moved = {row[0]: listed[row[0]] for row in rows if listed.get(row[0], month) != month}
    session.database.execute(
        "update sync_private.invoices as v set month = s.month"
        " from unnest(%s::text[], %s::date[]) as s (vendor_id, month)"
        " where v.connection_id = %s and v.vendor_id = s.vendor_id",
        (list(moved), list(moved.values()), session.connection.id),
    )


def asked(session: SyncSession, found: list[Vanished], stopped: SyncError | None) -> list[Vanished]:
    """The vanished invoices, those that are new among them with what the ERP says when asked for each."""
    answers = []
    for place, one in enumerate(found):
        if not one.is_new or stopped is not None or place >= ASKED:
            answers.append(one)
            continue
        try:
            said = session.vendor.invoice_xml(one.invoice).state
        except (RefusedError, ThrottledError):
            raise
        except SyncError:  # it does not know the invoice any more, or does not answer: nothing is assumed
            said = None
        answers.append(one._replace(said=said if said in VOID_STATES else None))
    return answers


def mark(session: SyncSession, month: date, found: Collection[Vanished]) -> int:
    """Mark invoices as vanished, in the caller's transaction; returns how many were not marked before."""
    rows = session.database.execute(
        "update sync_private.invoices set vanished_at = coalesce(vanished_at, %(now)s)"
        " where connection_id = %(connection)s and month = %(month)s and vendor_id = any(%(gone)s)"
        " and vanished_at is null",
        {
            "now": session.started,
            "connection": session.connection.id,
            "month": month,
            "gone": [one.invoice.vendor_id for one in found],
        },
    )
    said = [(one.invoice.vendor_id, one.said.value) for one in found if one.said is not None]
    session.database.execute(
        "update sync_private.invoices as v set state = s.state"
        " from unnest(%s::text[], %s::text[]) as s (vendor_id, state)"
        " where v.connection_id = %s and v.vendor_id = s.vendor_id and v.state <> s.state",
        ([one for one, _ in said], [state for _, state in said], session.connection.id),
    )
    session.database.execute(
        "update public.xml_imports as i set nfe_status = v.state from sync_private.invoices as v"
        " where v.import_id = i.id and v.connection_id = %s and v.vendor_id = any(%s)"
        " and i.nfe_status is distinct from v.state",
        (session.connection.id, [one for one, _ in said]),
    )
    return int(rows.rowcount)


def _vanished(row: tuple[Any, ...]) -> Vanished:
    vendor_id, key, state, issued_on, direction, series, number, model, is_new = row
    return Vanished(
        Invoice(
            vendor_id,
            InvoiceState(state),
            issued_on,
            key=key,
            model=model,
            direction=direction,
            series=series,
            number=number,
        ),
        is_new,
    )
