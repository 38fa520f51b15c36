"""Which invoices of a month need their document read, and what the others are known to be."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sync_pipelines.erp.invoices.fetch import NO_DOCUMENT, NOT_ANSWERED, Want
from sync_pipelines.erp.invoices.known import Known
from sync_pipelines.erp.invoices.prove import Stored
from sync_pipelines.erp.invoices.reading import OTHER_MONTH
from sync_pipelines.erp.invoices.validate import DUPLICATE, UNISSUED, VOID_STATES, VOIDED, Entry, state_of
from sync_pipelines.erp.vendors.vendor import InvoiceState
from sync_pipelines.lib.plausibility import is_mass_loss

#: For how long a document that broke a rule, or that there is none of a void invoice, is not asked for again.
TRUSTED_FOR = timedelta(days=7)
#: Days after which a stored document is read again and compared with its digest, and days by which its key spreads
#: that: what lies in the store is otherwise known by name and size only.
READ_AGAIN_AFTER, SPREAD = 30, 10
#: A document of an invoice that is no older than this may only be late; vendors count each vain question as an error.
LATE_FOR = timedelta(days=3)
#: Reasons of the list: that they are not given any more decides anew.
_OF_THE_LIST = (DUPLICATE, UNISSUED, VOIDED)
#: Rejects whose cause may be gone with the next call.
_ASKED_ALWAYS = (NOT_ANSWERED, "row_is_taken")


@dataclass
class WorkList:
    """Entries that are decided, and those whose document is wanted."""

    decided: list[Entry] = field(default_factory=list)
    wants: list[Want] = field(default_factory=list)
    #: What is stored and unchanged, by access key.
    stored: dict[str, Stored] = field(default_factory=dict)


def work_list(
    entries: Collection[Entry],
    known: Mapping[str, Known],
    elsewhere: Mapping[str, InvoiceState],
    *,
    size: Callable[[str], int | None],
    now: datetime,
) -> WorkList:
    """Split a month's entries. `elsewhere` are keys that are void by another row, `size` that of a stored document."""
    work = WorkList()
    absent = sum(was.decision == "rejected" and was.reason == NO_DOCUMENT for was in known.values())
    # So many look like an outage that may be over.
    is_absence_trusted = not is_mass_loss(absent, len(entries))
    for listed in entries:
        was = known[listed.vendor_id]
        entry = _still_issued(replace(listed, key=was.key), was)
        if entry.decision is not None:
            work.decided.append(entry)
        elif (is_absence_trusted or was.reason != NO_DOCUMENT) and (
            answer := _as_before(entry, was, now)
        ) is not None:
            work.decided.append(answer)
        elif (unchanged := _unchanged(entry, was, elsewhere, size=size, now=now)) is not None:
            assert entry.key is not None
            work.stored[entry.key] = unchanged
            work.decided.append(replace(entry, decision="stored", remarks=_remarks(entry, was)))
        else:
            # No cancellation is ever undone, so a list that takes one back is not believed without its detail.
            is_taken_back = was.state in VOID_STATES and not entry.is_void
            work.wants.append(Want(entry, was, asks_vendor=is_taken_back))
    # Those that were asked for in vain come last: their errors may end the calls.
    work.wants.sort(key=lambda want: want.known.decision in ("rejected", "unread"))
    return work


def read_again_after(key: str) -> timedelta:
    """For how long what was read by an access key stands."""
    return timedelta(days=READ_AGAIN_AFTER + int(key[-9:]) % SPREAD)


def _still_issued(entry: Entry, was: Known) -> Entry:
    """An invoice that was issued is not unissued any more, whatever a list says meanwhile: it keeps its state."""
    if entry.reason != UNISSUED or was.decision != "stored" or was.state is None:
        return entry
    return replace(entry, state=state_of(was.state), decision=None, reason=None)


def _remarks(entry: Entry, was: Known) -> tuple[str, ...]:
    """What is still to be known of a stored invoice: its list may date it anew."""
    own = tuple(remark for remark in was.remarks or () if remark != OTHER_MONTH)
    return (*own, OTHER_MONTH) if was.is_of_other_month else own


def _as_before(entry: Entry, was: Known, now: datetime) -> Entry | None:
    """An earlier decision that needs no document, while it can be trusted."""
    if was.decision == "skipped" and was.reason not in _OF_THE_LIST:
        return entry.decided("skipped", was.reason)
    if was.decision not in ("rejected", "marked") or was.state != entry.state.value or was.read_at is None:
        return None
    if was.reason in _ASKED_ALWAYS or now - was.read_at >= TRUSTED_FOR:
        return None
    if was.reason == NO_DOCUMENT and now.date() - entry.invoice.issued_on <= LATE_FOR:
        return None
    return entry.decided("rejected" if was.decision == "rejected" else "marked", was.reason)


def _unchanged(
    entry: Entry,
    was: Known,
    elsewhere: Mapping[str, InvoiceState],
    *,
    size: Callable[[str], int | None],
    now: datetime,
) -> Stored | None:
    """What is stored, if nothing says that it is not what it should be."""
    if entry.key is None or not was.is_intact or was.decision != "stored":
        return None
    if was.sha256 is None or was.bytes is None or size(entry.key) != was.bytes:
        return None
    if was.read_at is None or now - was.read_at >= read_again_after(entry.key):
        return None
    if was.state in VOID_STATES and not entry.is_void:
        return None
    state = entry.state if entry.is_void else elsewhere.get(entry.key, entry.state)
    return Stored(state.value, was.sha256, was.bytes) if was.status == state.value else None
