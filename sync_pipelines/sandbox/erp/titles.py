"""The receivables and payables of a sandbox company, and their categories: what the fakes list.

All of it is synthetic. Amounts are Decimals of two places, dates are the company's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

TitleSide = Literal["receivable", "payable"]
#: `overdue` is open after its due date; `partial` is paid in part, `settled` as a whole.
TitleState = Literal["open", "overdue", "partial", "settled", "returned", "lost", "cancelled", "renegotiated"]


@dataclass
class SandboxCategory:
    """A category of titles. `number` is the vendor's own where it numbers them, `code` where it has codes (Omie)."""

    number: int
    code: str
    name: str
    side: TitleSide
    parent: str | None = None
    #: The ERP's line of the income statement: Omie's `codigo_dre` and its description, Conta Azul's `entrada_dre`.
    dre_code: str | None = None
    dre_name: str | None = None
    is_transfer: bool = False


@dataclass
class SandboxTitle:
    """An instalment. `splits` are numbers of categories with their part of the amount; one of the whole: one category.

    An ERP that has one category a title (Bling, Tiny) says the first.
    """

    vendor_id: int
    side: TitleSide
    amount: Decimal
    issued_on: date
    due_on: date
    competence: date | None
    state: TitleState = "open"
    splits: list[tuple[int, Decimal]] = field(default_factory=list)
    counterparty: str = "Parceiro Sintético Ltda"
    description: str = ""
    #: As Omie writes an instalment.
    instalment: str = "001/001"
    number: str = ""
    note_key: str | None = None
    paid: Decimal = Decimal("0.00")
    altered_at: datetime | None = None

    @property
    def counts(self) -> bool:
        """Whether it is income or expense; a transfer is told by its category."""
        return self.state not in ("cancelled", "renegotiated")
