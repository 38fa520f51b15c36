"""What an installation decides of its income statements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from sync_pipelines.settings.erp import ErpSettings


@dataclass(frozen=True)
class FinancialOptions:
    """`transfer_categories` are names of categories between accounts of the company, beside those that an ERP marks."""

    transfer_categories: frozenset[str] = frozenset()
    #: Whether `company_dre` holds a row for each company of a user and month.
    by_company: bool = False

    @classmethod
    def from_settings(cls, settings: ErpSettings) -> Self:
        return cls(settings.transfer_categories, settings.erp_dre_by_company)
