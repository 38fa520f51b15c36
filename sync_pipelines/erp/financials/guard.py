"""Titles that a list lacks though an earlier one had them: each is asked for by its number before it is given up.

A list that was read in part looks like titles that vanished, so far too many at once stop their month until a person
accepts it. What the ERP does not have any more is marked, and its row is kept; it is no part of the statement.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from sync_pipelines.erp.financials.extract import Entry, TitleList, current_month, partition_month
from sync_pipelines.erp.financials.known import Known
from sync_pipelines.erp.financials.validate import Key, list_hash
from sync_pipelines.erp.invoices.guard import MASS_REJECTION
from sync_pipelines.erp.session import MASS_VANISHING, SyncSession
from sync_pipelines.erp.vendors.vendor import Side, Title
from sync_pipelines.lib.failures import PermanentError, RefusedError, SyncError, ThrottledError
from sync_pipelines.lib.plausibility import is_mass_loss

#: Calls for titles by their number that one sync makes; the others are asked for by the next ones.
ASKED: Final = 50


@dataclass
class Missing:
    """The titles of a range of months that its list lacks, by what is known of them."""

    #: Those that the ERP does not have any more.
    gone: set[Key] = field(default_factory=set)
    #: Those of which the ERP did not say anything yet; they stay as they are.
    unsure: set[Key] = field(default_factory=set)
    #: Those of `gone` for which the ERP has no call: one may stand in a month that is not read.
    unasked: set[Key] = field(default_factory=set)
    #: Months in which far too many are missing, with the sentence.
    stopped: dict[date, PermanentError] = field(default_factory=dict)


def missing(
    session: SyncSession, months: Sequence[date], listed: TitleList, known: Mapping[Key, Known]
) -> Missing:
    """What became of the titles that the list lacks; those that the ERP has are added to the list.

    Raises RefusedError.
    """
    found, current = Missing(), current_month(session)
    lost = {month: _lost(month, listed, known, current=current) for month in months}
    for month, keys in lost.items():
        of = [one for one in known.values() if one.is_live and one.home(current) == month]
        has_others = any(entry.month == month for entry in listed.entries.values())
        if MASS_VANISHING not in session.accepted and is_mass_loss(len(keys), len(of), has_others=has_others):
            found.stopped[month] = PermanentError(
                f"{len(keys)} of {len(of)} titles of {month:%Y-%m} are not in the list of {session.key} any more."
                f" Nothing of the month was changed. If they are gone, accept {MASS_VANISHING}."
            )
    asked = {key: month for month in months if month not in found.stopped for key in lost[month]}
    _ask(session, asked, listed, months=months, found=found)
    return found


def refuse_mass_rejection(
    session: SyncSession, outdated: Collection[Key], *, stored: int, partition: str
) -> None:
    """Raise PermanentError if far too many titles that were read well before cannot be used any more.

    An ERP that writes its amounts otherwise looks like this. Of `stored` listed titles these are `outdated`.
    """
    if MASS_REJECTION not in session.accepted and is_mass_loss(len(outdated), stored):
        raise PermanentError(
            f"{len(outdated)} of {stored} titles of {partition} that were read well before have no usable amount, date"
            " or parts any more. Nothing of the month was changed; ops.rejects names them. If that is right, accept"
            f" {MASS_REJECTION}."
        )


def _lost(month: date, listed: TitleList, known: Mapping[Key, Known], *, current: date) -> list[Key]:
    """The live titles whose own date is in a month, and which the list lacks."""
    return [
        key
        for key, one in known.items()
        if one.is_live and one.home(current) == month and key not in listed.entries
    ]


def _ask(
    session: SyncSession,
    keys: Mapping[Key, date],
    listed: TitleList,
    *,
    months: Collection[date],
    found: Missing,
) -> None:
    """Ask for titles by their number, each with the month that it was of."""
    is_stopped, before = False, session.vendor.calls
    for key, was_of in keys.items():
        if is_stopped or session.vendor.calls - before >= ASKED:
            # Who accepted that so many vanish knows what became of them.
            (found.gone if MASS_VANISHING in session.accepted else found.unsure).add(key)
            continue
        calls = session.vendor.calls
        try:
            title = session.vendor.title(Side(key.side), key.vendor_id)
        except RefusedError:
            raise
        except SyncError as error:
            found.unsure.add(key)
            is_stopped = isinstance(error, ThrottledError)
            continue
        if title is None and session.vendor.calls == calls:
            found.unasked.add(key)
        if title is None or title.listed_on is None:
            (found.gone if title is None else found.unsure).add(key)
            continue
        listed.entries[key] = _found(session, title._replace(vendor_id=key.vendor_id), was_of, months=months)


def _found(session: SyncSession, title: Title, was_of: date, *, months: Collection[date]) -> Entry:
    """A title that the list lacks and the ERP has: it moved, or the list was short."""
    assert title.listed_on is not None
    month = partition_month(title.listed_on, current_month(session))
    entry = Entry(
        title,
        month,
        list_hash(title),
        written_with=month if month in months else was_of,
        has_read_detail=True,
    )
    entry.judge(title)
    return entry
