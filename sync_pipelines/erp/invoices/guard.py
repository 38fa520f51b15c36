"""Invoices that a month's list lacks though an earlier one had them: never assumed to be cancelled.

A list that was read in part looks like invoices that vanished, so far too many at once stop the month until a person
accepts it. Each of the others is asked for by its number: what the ERP then says of it counts. Where a cancelled
invoice vanishes from the list (Conta Azul), the event that cancels it may be attached days later, and until then the
answer is a 404 or the document alone: each is asked for again, daily for a week, then as often as stored documents.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from sync_pipelines.erp.invoices.fetch import NOT_THERE, Fetcher
from sync_pipelines.erp.invoices.validate import VOID_STATES, Entry, state_of
from sync_pipelines.erp.invoices.work_list import READ_AGAIN_AFTER, read_again_after
from sync_pipelines.erp.session import MASS_VANISHING, SyncSession
from sync_pipelines.erp.vendors.registry import lists_all_numbers
from sync_pipelines.erp.vendors.vendor import Invoice, InvoiceState
from sync_pipelines.lib.failures import (
    PermanentError,
    RefusedError,
    SyncError,
    ThrottledError,
    TransientError,
)
from sync_pipelines.lib.plausibility import is_mass_loss

#: What a person accepts where far more documents than usual are not to be had.
MASS_REJECTION = "mass_rejection"
#: So many are asked for by their number in one sync, those first of which nothing was heard for longest.
ASKED = 50
#: For how long after it vanished an invoice is asked for daily. A day begins a little early: so may a nightly sync.
ASKED_DAILY_FOR, A_DAY = timedelta(days=7), timedelta(hours=20)
_NEVER = datetime.min.replace(tzinfo=UTC)

#: A moment that Python cannot hold is none of ours.
_BEFORE = (
    "select vendor_id, nfe_key, state, case when issue_date between '0002-01-01' and '9998-12-31' then issue_date"
    " else month end, direction, series, number, model,"
    " case when asked_at between '0002-01-01' and '9998-12-31' then asked_at end,"
    " case when vanished_at between '0002-01-01' and '9998-12-31' then vanished_at end, vanished_at is null"
    " from sync_private.invoices where connection_id = %s and month = %s order by vendor_id"
)


class Vanished(NamedTuple):
    """An invoice that is not listed any more, and what the ERP says of it when asked."""

    invoice: Invoice
    is_new: bool
    #: When the ERP was last asked for it, and answered.
    asked_at: datetime | None
    #: Whether this sync is to ask for it.
    is_wanted: bool
    #: Whether the ERP answered this sync, and a state that it said in which the invoice is void.
    has_answer: bool = False
    said: InvoiceState | None = None


def vanished(session: SyncSession, month: date, listed: Collection[str]) -> list[Vanished]:
    """The invoices of a month that `listed`, the vendor's numbers of the whole list, lacks.

    Raises PermanentError where they are too many to be plausible and nobody accepted it.
    """
    rows = session.database.execute(_BEFORE, (session.connection.id, month)).fetchall()
    found = [_vanished(session, row) for row in rows if row[0] not in listed]
    before, gone = sum(row[-1] for row in rows), sum(one.is_new for one in found)
    has_some = any(row[0] in listed for row in rows)
    if MASS_VANISHING not in session.accepted and is_mass_loss(gone, before, has_others=has_some):
        raise PermanentError(
            f"{gone} of {before} invoices of {month:%Y-%m} are not in the list of {session.key} any more. Nothing of"
            f" the month was changed. If they are gone, accept {MASS_VANISHING}."
        )
    return found


def refuse_mass_rejection(session: SyncSession, entries: Collection[Entry], partition: str) -> None:
    """Raise TransientError if the ERP gave far too few of the documents that it lists; what was stored stays.

    An ERP that is down may answer 404 or nothing to all. A document that came and broke a rule is none of these.
    """
    absent = sum(entry.decision == "rejected" and entry.reason in NOT_THERE for entry in entries)
    invoices = sum(entry.decision in ("stored", "rejected") for entry in entries)
    if is_mass_loss(absent, invoices) and MASS_REJECTION not in session.accepted:
        raise TransientError(
            f"{session.vendor.name} lists {invoices} invoices of {partition} and has no document of {absent} of them."
            f" So many look like an outage; ops.rejects names them. If it is none, accept {MASS_REJECTION}."
        )


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


def asked(session: SyncSession, found: list[Vanished], fetcher: Fetcher) -> list[Vanished]:
    """The vanished invoices, with what the ERP says of those that it is to be asked for."""
    wanted = [one for one in found if one.is_wanted]
    wanted.sort(key=lambda one: one.asked_at or _NEVER)
    chosen = {one.invoice.vendor_id for one in wanted[:ASKED]}
    return [
        _answered(session, one, fetcher)
        if one.invoice.vendor_id in chosen and fetcher.stopped is None
        else one
        for one in found
    ]


def _answered(session: SyncSession, one: Vanished, fetcher: Fetcher) -> Vanished:
    try:
        said = session.vendor.invoice_xml(one.invoice).state
    except RefusedError:
        raise
    except TransientError as error:  # asked for again by the next sync
        fetcher.stopped = error if isinstance(error, ThrottledError) else fetcher.stopped
        return one
    except SyncError:  # it does not know the invoice any more: nothing is assumed
        said = None
    return one._replace(has_answer=True, said=said if said in VOID_STATES else None)


def mark(session: SyncSession, month: date, found: Collection[Vanished]) -> tuple[int, list[str]]:
    """Mark invoices as vanished, in the caller's transaction.

    Returns how many were not marked before, and the keys of the imports whose state changed by what the ERP said.
    """
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
    session.database.execute(
        "update sync_private.invoices set asked_at = %s where connection_id = %s and vendor_id = any(%s)",
        (
            session.started,
            session.connection.id,
            [one.invoice.vendor_id for one in found if one.has_answer],
        ),
    )
    said = [(one.invoice.vendor_id, one.said.value) for one in found if one.said is not None]
    session.database.execute(
        "update sync_private.invoices as v set state = s.state"
        " from unnest(%s::text[], %s::text[]) as s (vendor_id, state)"
        " where v.connection_id = %s and v.vendor_id = s.vendor_id and v.state <> s.state",
        ([one for one, _ in said], [state for _, state in said], session.connection.id),
    )
    changed = session.database.execute(
        "update public.xml_imports as i set nfe_status = v.state from sync_private.invoices as v"
        " where v.import_id = i.id and v.connection_id = %s and v.vendor_id = any(%s)"
        " and i.nfe_status is distinct from v.state returning i.nfe_key",
        (session.connection.id, [one for one, _ in said]),
    ).fetchall()
    return int(rows.rowcount), [key for (key,) in changed]


def _vanished(session: SyncSession, row: tuple[Any, ...]) -> Vanished:
    vendor_id, key, state, issued_on, direction, series, number, model, asked_at, vanished_at, is_new = row
    invoice = Invoice(
        vendor_id,
        state_of(state),
        issued_on,
        key=key,
        model=model,
        direction=direction,
        series=series,
        number=number,
    )
    is_wanted = not _has_answer(session, invoice, asked_at=asked_at, vanished_at=vanished_at)
    return Vanished(invoice, is_new=is_new, asked_at=asked_at, is_wanted=is_wanted)


def _has_answer(
    session: SyncSession, invoice: Invoice, *, asked_at: datetime | None, vanished_at: datetime | None
) -> bool:
    """Whether what the ERP said of a vanished invoice stands for this sync."""
    now = session.started
    if asked_at is None or vanished_at is None or not vanished_at <= asked_at <= now:
        return False
    # Elsewhere a cancelled invoice is listed as such, and some vendors count each vain question as an error.
    if invoice.state in VOID_STATES or lists_all_numbers(session.connection.erp_type):
        return True
    if now - vanished_at < ASKED_DAILY_FOR:
        return now - asked_at < A_DAY
    stands_for = timedelta(days=READ_AGAIN_AFTER) if invoice.key is None else read_again_after(invoice.key)
    return now - asked_at < stands_for
