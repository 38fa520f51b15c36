"""What each vendor can say of a title (contract of the ERPs, sections 4 to 7); the ledgers and the truth keep to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, Literal
from uuid import UUID

from sync_pipelines.sandbox.erp.ledger_categories import Chart
from sync_pipelines.sandbox.erp.titles import SandboxTitle, TitleState

#: States that every ERP has a word for.
_COMMON: Final[frozenset[TitleState]] = frozenset({"open", "overdue", "partial", "settled"})


@dataclass(frozen=True)
class TitleManner:
    """`listed_by` is the date that lists are asked by; the rest says what an answer has, list and detail together."""

    listed_by: Literal["issue", "due"]
    states: frozenset[TitleState]
    chart: Chart = None
    says_issue: bool = True
    #: None: no competence; `month`: its first day; `always`: where nobody says one it is the day of the issue.
    competence: Literal["day", "month", "always"] | None = "day"
    says_note_key: bool = False
    #: Whether a title may have several categories.
    splits: bool = False
    marks_transfers: bool = False
    has_uuids: bool = False

    def listed_on(self, title: SandboxTitle) -> date:
        """The date by which the title is listed."""
        return title.issued_on if self.listed_by == "issue" else title.due_on

    def id_of(self, title: SandboxTitle) -> str:
        """What the vendor calls the title."""
        return str(UUID(int=title.vendor_id)) if self.has_uuids else str(title.vendor_id)

    def competence_of(self, title: SandboxTitle) -> date | None:
        """The competence that an answer says."""
        if self.competence is None:
            return None
        said = title.competence or (title.issued_on if self.competence == "always" else None)
        return said.replace(day=1) if said and self.competence == "month" else said

    def month_of(self, title: SandboxTitle) -> date:
        """The month of the income statement by its first day: competence, else issue, else due date (section 10)."""
        issued_on = title.issued_on if self.says_issue else None
        return (self.competence_of(title) or issued_on or title.due_on).replace(day=1)

    def splits_of(self, title: SandboxTitle) -> list[tuple[int, Decimal]]:
        """The categories that an answer names, with their amounts; one category has the whole amount."""
        if self.splits or not title.splits:
            return list(title.splits)
        return [(title.splits[0][0], title.amount)]


MANNERS: Final = {
    "omie": TitleManner(
        "issue",
        _COMMON | {"cancelled"},
        chart="omie",
        competence=None,
        says_note_key=True,
        splits=True,
        marks_transfers=True,
    ),
    "bling": TitleManner("due", _COMMON | {"cancelled", "returned"}),
    "contaazul": TitleManner(
        "due",
        _COMMON | {"renegotiated", "lost"},
        chart="contaazul",
        says_issue=False,
        competence="always",
        splits=True,
        has_uuids=True,
    ),
    "tiny": TitleManner("due", _COMMON | {"cancelled"}, competence="month"),
}
