"""What a sync did to a connection: the figures of its log row, of its assets' metadata and of its alerts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal
from uuid import UUID

from sync_pipelines.lib.failures import SyncError


class Module(StrEnum):
    """What of an ERP is synced, by the application's own names, in the order in which it is done."""

    COMPANY = "empresa"
    PRODUCTS = "produtos"
    INVOICES = "nfe"
    FINANCIALS = "financeiro"


class Analysis(StrEnum):
    """What the application makes of the stored data, beside the credits, in the order in which it is done."""

    NCM = "ncm_analysis"
    DRE = "process_dre"
    OPPORTUNITIES = "opportunities"
    SCORE = "tax_score"


Status = Literal["success", "error", "skipped"]


@dataclass
class Counts:
    """Rows of one asset and partition: read = inserted + changed + unchanged + skipped + rejected + unread."""

    read: int = 0
    inserted: int = 0
    changed: int = 0
    unchanged: int = 0
    #: Listed by the ERP, and no rows of this asset: an NFC-e, an invoice of the test environment, a service.
    skipped: int = 0
    rejected: int = 0
    #: Invoices whose document did not come; they are asked for again by the next sync.
    unread: int = 0
    #: No longer listed by the ERP, and marked as such.
    vanished: int = 0
    skipped_because: Counter[str] = field(default_factory=Counter)
    digest: str = ""
    #: When the oldest answer was read that the proof rests on.
    oldest_reading: datetime | None = None

    @property
    def synced(self) -> int:
        """Rows that this run wrote."""
        return self.inserted + self.changed

    def add(self, other: Counts) -> None:
        """Add the rows of another partition."""
        counts = ("read", "inserted", "changed", "unchanged", "skipped", "rejected", "unread", "vanished")
        for name in counts:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.skipped_because.update(other.skipped_because)


@dataclass
class ModuleOutcome:
    """What became of one module, or of one of its months."""

    status: Status = "success"
    #: In Portuguese: the application's users read it.
    message: str = ""
    counts: Counts = field(default_factory=Counts)
    error: SyncError | None = None
    seconds: float = 0.0
    #: What a person should know although it succeeded, one sentence each, by the check that says so.
    warnings: dict[str, str] = field(default_factory=dict)
    #: Where the raw answers are kept.
    raw_path: str | None = None
    bytes: int = 0


@dataclass
class DreOutcome(ModuleOutcome):
    """What became of the income statement of a connection's company. Its counts are months."""

    #: The lines of each month as its row has them, by name without `input_`.
    lines: dict[date, Mapping[str, Decimal | None]] = field(default_factory=dict)


@dataclass
class CreditsOutcome:
    """What the analysis of credits did. A failure is recorded here and never fails the sync."""

    status: Status = "success"
    message: str = ""
    analysed: int = 0
    #: Imports whose analysis did not succeed; they are wanted again by the next sync.
    failed: int = 0
    cleared: int = 0
    credits: int = 0
    error: SyncError | None = None
    #: What differs between the summary of today and the credits that it sums up; empty: they are equal.
    differences: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass
class AnalysisOutcome:
    """What became of one analysis. A failure is recorded here and never fails the sync.

    `skipped`: it cannot be made, and the message says what a person has to do.
    """

    status: Status = "success"
    #: In Portuguese: the application's users read it.
    message: str = ""
    #: Calls of the function; 0 where nothing had changed since the last one.
    calls: int = 0
    error: SyncError | None = None
    #: What the function left, by name: figures for the asset's metadata.
    figures: dict[str, str | int | float] = field(default_factory=dict)
    warnings: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass
class FinancialsOutcome:
    """What became of the titles by month of their list, and of `company_dre`."""

    months: dict[date, ModuleOutcome] = field(default_factory=dict)
    #: None where no month of titles could be read.
    dre: DreOutcome | None = None


@dataclass
class SyncOutcome:
    """One sync of one connection."""

    connection_id: UUID
    modules: dict[Module, ModuleOutcome] = field(default_factory=dict)
    #: Invoices and titles by month; `modules` has their sum.
    months: dict[Module, dict[date, ModuleOutcome]] = field(default_factory=dict)
    #: The months of `company_dre`; `modules` counts its failure with the titles.
    dre: DreOutcome | None = None
    credits: CreditsOutcome | None = None
    analyses: dict[Analysis, AnalysisOutcome] = field(default_factory=dict)
    calls: int = 0
    wait_seconds: float = 0.0
    #: Why nothing was looked at.
    skipped: str | None = None

    @property
    def failed(self) -> Mapping[Module, ModuleOutcome]:
        return {module: one for module, one in self.modules.items() if one.status == "error"}

    @property
    def is_all_skipped(self) -> bool:
        """Whether no module was synced, and none failed: that is no success."""
        return bool(self.modules) and all(one.status == "skipped" for one in self.modules.values())

    @property
    def records_synced(self) -> int:
        return sum(one.counts.synced for one in self.modules.values())

    @property
    def records_failed(self) -> int:
        return sum(one.counts.rejected + one.counts.unread for one in self.modules.values())
