"""The rows of a landed workbook, read from the file when somebody needs them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock

from sync_pipelines.hitss.dre.lines import MonthContent, ParsedExport
from sync_pipelines.hitss.dre.window import Window
from sync_pipelines.hitss.dre.workbook import parse_workbook
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.records import Records
from sync_pipelines.lib.records.landing_index import Landing
from sync_pipelines.lib.storage.landing import LandingStore
from sync_pipelines.lib.storage.local_files import sha256_of


@dataclass(frozen=True)
class LandedWorkbook:
    """A workbook in the landing store, and how its cells are read: for one window, with some guards accepted.

    A load asks for rows only of months that must be written, so a workbook of which nothing is new is not read at all.
    """

    store: LandingStore
    path: str
    sha256: str
    window: Window
    accepted: frozenset[str]
    #: The connections of a load ask at the same time; the first reads the file, the others wait.
    _reading: Lock = field(default_factory=Lock, repr=False, compare=False)

    def parsed(self) -> ParsedExport:
        """All lines and rejects. Raises PermanentError if the file is no longer the one that landed."""
        with self._reading:
            return parsed_file(self.store, self.path, self.sha256, window=self.window, accepted=self.accepted)

    def rows(self, month: str) -> Iterable[tuple[str, ...]]:
        """The values of LINE_FIELDS of a month's lines."""
        return self.parsed().rows(month)


@lru_cache(maxsize=1)
def parsed_file(
    store: LandingStore, path: str, sha256: str, window: Window, accepted: frozenset[str]
) -> ParsedExport:
    """The rows of a landed file. The last one is kept: in one process the load follows the download."""
    with store.fetch(path) as local:
        if sha256_of(local)[0] != sha256:
            raise PermanentError(f"{store.describe(path)} is not the workbook that landed: it was altered.")
        return parse_workbook(local, window, accepted)


def read_contents(records: Records, landing: Landing) -> dict[str, MonthContent]:
    """What a usable workbook holds by month, from the landing index and without its rows."""
    return {
        month: MonthContent.from_json(content)
        for month, content in records.landings.contents(landing.id).items()
    }
