"""What the sync needs to know of an invoice's document, whoever reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from sync_pipelines.erp.vendors.vendor import InvoiceState

#: Remarks, as `sync_private.invoices.remarks` has them: the items do not add up to the note's total of products; the
#: document's own date is of another month than the list's.
ITEMS_SUM, OTHER_MONTH = "items_sum", "other_month"


@dataclass(frozen=True, slots=True)
class Reading:
    """A document that is an invoice."""

    key: str
    #: The issuer's own date.
    issued_on: date
    #: What its protocol says; a later cancellation is not in it.
    state: InvoiceState
    #: The columns of `xml_analysis` but `id`, `user_id` and `import_id`.
    analysis: Mapping[str, Any]
    direction: int | None = None
    #: What a person should know although it is stored.
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NoInvoice:
    """A document that is no invoice of this asset (an NFC-e, an event, the test environment), and why."""

    reason: str
    #: The access key that it cancels, if it is a cancellation.
    cancels: str | None = None


class DocumentRejectedError(Exception):
    """A document that cannot be trusted: the rule that it breaks, and a sentence without its values."""

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(reason)
        self.rule, self.reason = rule, reason


class Reader(Protocol):
    """Reads documents; threads may call it at once."""

    def __call__(self, xml: bytes) -> Reading | NoInvoice:
        """Raises DocumentRejectedError for a document that cannot be trusted."""
