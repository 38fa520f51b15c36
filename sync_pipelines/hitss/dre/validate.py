"""A landed workbook is validated: raw XML first, then its cells, then the guards on the whole file.

A sheet that was read before, in this window and with these acceptances, is not read again: the digest of its
uncompressed XML is the same although HITSS stamps each ZIP anew.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from sync_pipelines.hitss.dre import rejects
from sync_pipelines.hitss.dre.baseline import (
    Baseline,
    proofs_of_gone_months,
    read_baseline,
    read_proved_months,
)
from sync_pipelines.hitss.dre.guards import (
    GuardError,
    Review,
    Violation,
    closed_before,
    review_months,
    review_rows,
    review_size,
)
from sync_pipelines.hitss.dre.landed_workbook import LandedWorkbook, read_contents
from sync_pipelines.hitss.dre.lines import MonthContent, ParsedExport
from sync_pipelines.hitss.dre.live_tables import LiveTables
from sync_pipelines.hitss.dre.restatements import Restatement, find_restatements
from sync_pipelines.hitss.dre.tables import EXPORT
from sync_pipelines.hitss.dre.window import Window
from sync_pipelines.lib import excel
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.records import Records
from sync_pipelines.lib.records.landing_index import Landing
from sync_pipelines.lib.storage.landing import LandedFile, LandingStore


@dataclass(frozen=True)
class Validation:
    """What a workbook holds, and which guards stop it. `same_as` is the path of an earlier one with the same sheet."""

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

    def has_stopped_growing(self, today: date) -> bool:
        """Whether the newest month with actual figures is closed already."""
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
    """A guard on the whole file does not hold. `validation` is what was read of it all the same."""

    def __init__(self, violations: Sequence[Violation], validation: Validation) -> None:
        super().__init__(violations)
        self.validation = validation


@dataclass(frozen=True)
class Validator:
    """Validates landed files for one window, against what the project database holds now."""

    store: LandingStore
    records: Records
    connection: Connection
    window: Window
    accepted: frozenset[str]
    today: date
    live: LiveTables

    def validate(self, file: LandedFile, landed_id: int, run_id: str) -> Validation:
        """Validate the landed file that has the number `landed_id`; record whether it is usable, and what it holds.

        The rejects are kept before the guards are applied. Raises PermanentError for a file that cannot be read or
        that a guard stops; it is recorded as refused.
        """
        try:
            found = self._read_or_recognise(file, landed_id, run_id)
            if found.review.file:
                raise RefusedWorkbookError(found.review.file, found)
        except SyncError as error:
            self.records.landings.mark_refused(landed_id, str(error))
            raise
        self.records.landings.mark_usable(
            landed_id,
            content_digest=content_digest(found.contents),
            sheet_digest=found.sheet_key,
            details=found.details(self.accepted),
            contents={month: content.as_json() for month, content in found.contents.items()},
        )
        gone = proofs_of_gone_months(self.records, found.contents, self.live, accepted=self.accepted)
        self.records.proofs.record(run_id, gone)
        return found

    def _read_or_recognise(self, file: LandedFile, landed_id: int, run_id: str) -> Validation:
        with self.store.fetch(file.path) as path:
            key = self._sheet_key(excel.digest(path))
        twin = self.records.landings.newest(EXPORT, sheet_digest=key)
        return self._recognise(twin, key) if twin else self._read(file, key, landed_id, run_id=run_id)

    def _recognise(self, twin: Landing, key: str) -> Validation:
        contents, details = read_contents(self.records, twin), twin.details
        baseline = self._baseline(contents)
        return Validation(
            contents=contents,
            rows=details["rows"],
            rejected_by_month=details["rejected_by_month"],
            rejected=details["rejected"],
            reject_book=details["reject_book"],
            same_as=twin.path,
            sheet_key=key,
            review=Review(
                review_size(details["rows"], details["rejected"], baseline, accepted=self.accepted),
                review_months(contents, baseline, self.today, accepted=self.accepted),
            ),
            restated=find_restatements(contents, baseline),
        )

    def _read(self, file: LandedFile, key: str, landed_id: int, run_id: str) -> Validation:
        parsed = LandedWorkbook(
            store=self.store,
            path=file.path,
            sha256=file.sha256,
            window=self.window,
            accepted=self.accepted,
        ).parsed()
        book = None
        if parsed.rejects:
            rejects.record(parsed.rejects, self.records, run_id=run_id, landed_id=landed_id)
            book = rejects.write_book(parsed.rejects, self.store)
        contents = parsed.contents()
        baseline = self._baseline(contents)
        return Validation(
            contents=contents,
            rows=parsed.rows_read,
            rejected_by_month=rejected_by_month(parsed),
            rejected=len(parsed.rejects),
            reject_book=book,
            same_as=None,
            sheet_key=key,
            review=Review(
                review_rows(parsed, baseline, self.accepted),
                review_months(contents, baseline, self.today, accepted=self.accepted),
            ),
            restated=find_restatements(contents, baseline),
        )

    def _baseline(self, contents: Mapping[str, MonthContent]) -> Baseline:
        proved = read_proved_months(self.records, self.window.first)
        return read_baseline(self.connection, contents, proved, live=self.live)

    def _sheet_key(self, sheet: str) -> str:
        """What the result of reading a sheet depends on: its XML, the window, what was accepted."""
        parts = (sheet, self.window.first, self.window.last, *sorted(self.accepted))
        return sha256("\x1f".join(parts).encode()).hexdigest()


def rejected_by_month(parsed: ParsedExport) -> dict[str, int]:
    """How many rows were rejected, by month; rows whose month could not be read are in none."""
    return dict(Counter(reject.month for reject in parsed.rejects if reject.month))


def content_digest(contents: Mapping[str, MonthContent]) -> str:
    """The digest of a whole export's content, whatever the order of its rows and the bytes of its file."""
    text = json.dumps({month: str(content.full) for month, content in sorted(contents.items())})
    return sha256(text.encode()).hexdigest()
