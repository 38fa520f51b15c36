"""The details of titles whose list leaves out category and competence (Bling, Tiny).

A detail is read when the title is new, when its list row changed, when somebody altered the stored row, and again at
least every seven days, because a category may change without a trace in the list. The days are spread by the title's
number, so that no night reads all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from hashlib import md5
from typing import Final

from sync_pipelines.erp.financials.extract import Entry
from sync_pipelines.erp.financials.known import Known
from sync_pipelines.erp.financials.validate import Key, Problem
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.lib.failures import RefusedError, SyncError, ThrottledError, TransientError

#: After so many days a detail is read again.
EVERY_DAYS: Final = 7
NO_DETAIL = Problem("detail", "title_has_a_detail", "the ERP lists the title and has no detail of it")


class Details:
    """Reads the details that are wanted, one after the other: the vendor's own limits allow no more."""

    def __init__(self, session: SyncSession, known: Mapping[Key, Known], *, full: bool) -> None:
        self.session, self.known, self.full = session, known, full
        #: The last error of a detail that did not come; one that asks for fewer calls ends all of them.
        self.stopped: SyncError | None = None

    def judge(self, entries: Sequence[Entry]) -> Iterator[TransientError]:
        """Judge every entry; yields why a detail did not come. Raises RefusedError."""
        for entry in entries:
            if entry.row is not None or entry.problem is not None:
                continue
            if entry.title.has_detail:
                entry.judge(entry.title)
            elif not self._is_wanted(entry):
                entry.is_kept = True
            else:
                yield from self._read(entry)

    def _is_wanted(self, entry: Entry) -> bool:
        known = self.known.get(entry.key)
        if self.full or known is None or not known.is_live or not known.is_intact:
            return True
        if known.list_hash != entry.list_hash or known.detail_at is None:
            return True
        age = self.session.started - known.detail_at
        # A detail that is still to be read is none: a clock went wrong.
        if age >= timedelta(days=EVERY_DAYS) or age < timedelta():
            return True
        today = self.session.started.astimezone(self.session.zone).date()
        is_its_day = today.toordinal() % EVERY_DAYS == day_of(entry.key)
        return is_its_day and known.detail_at.astimezone(self.session.zone).date() < today

    def _read(self, entry: Entry) -> Iterator[TransientError]:
        if isinstance(self.stopped, ThrottledError):
            entry.is_unread = True
            return
        try:
            found = self.session.vendor.title(entry.title.side, entry.title.vendor_id)
        except RefusedError:
            raise
        except TransientError as error:
            entry.is_unread = True
            self.stopped = error
            yield error
            return
        entry.has_read_detail = True
        if found is None:
            entry.problem = NO_DETAIL
            return
        # The partition is decided by the list; a detail may write its dates otherwise.
        entry.judge(found._replace(vendor_id=entry.title.vendor_id, listed_on=entry.title.listed_on))


def day_of(key: Key) -> int:
    """On which day of seven a title's detail is read again."""
    return md5(f"{key.side}/{key.vendor_id}".encode(), usedforsecurity=False).digest()[0] % EVERY_DAYS
