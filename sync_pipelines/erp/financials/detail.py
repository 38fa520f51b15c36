"""The details of titles whose list leaves out category and competence (Bling, Tiny).

A detail is read when the title is new, when its list row changed, when somebody altered the stored row, and again at
least every seven days (`detail_age`), because a category may change without a trace in the list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sync_pipelines.erp.detail_age import is_fresh
from sync_pipelines.erp.financials.extract import Entry
from sync_pipelines.erp.financials.known import Known
from sync_pipelines.erp.financials.validate import Key, Problem
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.lib.failures import RefusedError, SyncError, ThrottledError, TransientError

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
        if known.list_hash != entry.list_hash:
            return True
        name = f"{entry.key.side}/{entry.key.vendor_id}"
        return not is_fresh(name, known.detail_at, now=self.session.started, zone=self.session.zone)

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
