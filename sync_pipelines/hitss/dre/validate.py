"""A landed workbook is looked at: raw XML first, then its cells, then the guards that concern the whole file.

A sheet that was read before, in this window and with these acceptances, is not read again: the digest of its
uncompressed XML is the same although HITSS stamps each ZIP anew.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from hashlib import sha256

from sync_pipelines.hitss.dre import published as before
from sync_pipelines.hitss.dre import rejects
from sync_pipelines.hitss.dre.guards import (
    GuardError,
    Published,
    Review,
    Violation,
    closed_before,
    review_months,
    review_rows,
    review_size,
)
from sync_pipelines.hitss.dre.lines import MonthContent, ParsedExport
from sync_pipelines.hitss.dre.pending import contents_of
from sync_pipelines.hitss.dre.prove import Live
from sync_pipelines.hitss.dre.restatements import Restatement, restatements
from sync_pipelines.hitss.dre.workbook import Window, parse_workbook
from sync_pipelines.lib import excel
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.records import Records
from sync_pipelines.lib.records.landing_index import Landing
from sync_pipelines.lib.storage.landing import LandedFile, LandingStore, sha256_of

EXPORT = "hitss/dre_export"


@dataclass(frozen=True)
class Examination:
    """What a workbook holds. `same_as` is the path of an earlier one with the very same sheet."""

    contents: Mapping[str, MonthContent]
    rows: int
    rejected_by_month: Mapping[str, int]
    rejected: int
    reject_book: str | None
    same_as: str | None
    sheet_key: str
    review: Review
    restated: Sequence[Restatement] = ()

    @property
    def newest_realizado(self) -> str | None:
        """The newest month with rows of Realizado; None without any."""
        return max(
            (month for month, content in self.contents.items() if content.realizado.rows), default=None
        )

    def ends_early(self, today: date) -> bool:
        """Whether the newest month with actual figures is closed already: an export that stopped growing."""
        return (self.newest_realizado or "") < closed_before(today)

    def details(self, accepted: Collection[str]) -> dict[str, object]:
        """What the landing index keeps beside the contents."""
        return {
            "rows": self.rows,
            "rejected": self.rejected,
            "rejected_by_month": dict(self.rejected_by_month),
            "reject_book": self.reject_book,
            "accepted": sorted(accepted),
            "stopped": sorted(self.review.months),
        }


class RefusedWorkbookError(GuardError):
    """A guard on the whole file does not hold. `found` is what was read of it all the same."""

    def __init__(self, violations: Sequence[Violation], found: Examination) -> None:
        super().__init__(violations)
        self.found = found


@dataclass(frozen=True)
class Examiner:
    """Looks at landed files in one window, beside what the project database holds now."""

    store: LandingStore
    records: Records
    connection: Connection
    window: Window
    accepted: Collection[str]
    today: date
    live: Live

    def examine(self, file: LandedFile, landed_id: int, run_id: str) -> Examination:
        """Read the file or recognise it; rejects are kept before the guards are asked.

        Raises PermanentError when it cannot be read or a guard on the whole file does not hold.
        """
        with self.store.fetch(file.path) as path:
            key = self._sheet_key(excel.digest(path))
        twin = self.records.landings.newest(EXPORT, sheet_digest=key)
        found = self._recognise(twin, key) if twin else self._read(file, key, landed_id, run_id=run_id)
        if found.review.file:
            raise RefusedWorkbookError(found.review.file, found)
        return found

    def _recognise(self, twin: Landing, key: str) -> Examination:
        contents, details = contents_of(self.records, twin), twin.details
        published = self._published(contents)
        return Examination(
            contents=contents,
            rows=details["rows"],
            rejected_by_month=details["rejected_by_month"],
            rejected=details["rejected"],
            reject_book=details["reject_book"],
            same_as=twin.path,
            sheet_key=key,
            review=Review(
                review_size(details["rows"], details["rejected"], published, accepted=self.accepted),
                review_months(contents, published, self.today, accepted=self.accepted),
            ),
            restated=restatements(contents, published),
        )

    def _read(self, file: LandedFile, key: str, landed_id: int, run_id: str) -> Examination:
        parsed = parsed_file(
            self.store, file.path, file.sha256, window=self.window, accepted=frozenset(self.accepted)
        )
        book = None
        if parsed.rejects:
            book = rejects.keep(parsed.rejects, self.records, self.store, run_id=run_id, landed_id=landed_id)
        contents = parsed.contents()
        published = self._published(contents)
        return Examination(
            contents=contents,
            rows=parsed.rows_read,
            rejected_by_month=rejected_by_month(parsed),
            rejected=len(parsed.rejects),
            reject_book=book,
            same_as=None,
            sheet_key=key,
            review=Review(
                review_rows(parsed, published, self.accepted),
                review_months(contents, published, self.today, accepted=self.accepted),
            ),
            restated=restatements(contents, published),
        )

    def _published(self, contents: Mapping[str, MonthContent]) -> Published:
        proved = before.proved_months(self.records, self.window.first)
        return before.published(self.connection, contents, proved, live=self.live.lines)

    def _sheet_key(self, sheet: str) -> str:
        """What the result of reading a sheet depends on: its XML, the window, what was accepted."""
        parts = (sheet, self.window.first, self.window.last, *sorted(self.accepted))
        return sha256("\x1f".join(parts).encode()).hexdigest()


def rejected_by_month(parsed: ParsedExport) -> dict[str, int]:
    """How many rows were rejected whose month could be read."""
    return dict(Counter(reject.month for reject in parsed.rejects if reject.month))


@lru_cache(maxsize=1)
def parsed_file(
    store: LandingStore, name: str, digest: str, window: Window, accepted: frozenset[str]
) -> ParsedExport:
    """A landed file's rows. The last one is kept: in one process the load follows the download.

    Raises PermanentError where the file is not the one that landed: `digest` is its SHA-256.
    """
    with store.fetch(name) as path:
        if sha256_of(path)[0] != digest:
            raise PermanentError(f"{store.describe(name)} is not the workbook that landed: it was altered.")
        return parse_workbook(path, window, accepted)


def content_digest(contents: Mapping[str, MonthContent]) -> str:
    """The digest of a whole export's content, whatever the order of its rows and the bytes of its file."""
    text = json.dumps({month: str(content.full) for month, content in sorted(contents.items())})
    return sha256(text.encode()).hexdigest()
