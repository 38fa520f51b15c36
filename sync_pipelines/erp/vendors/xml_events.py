"""The events that a vendor sends along with an invoice (contract of the ERPs, section 9.2)."""

from __future__ import annotations

from collections.abc import Iterable


def is_cancelled_by(documents: Iterable[bytes], key: str | None) -> bool:
    """Whether a registered event cancels the invoice of an access key; a correction letter (110110) does not.

    Without a key that of any does: the vendor was asked by another number. What cannot be read, and the event of
    another invoice, says nothing.
    """
    from sync_pipelines.erp.invoices.nfe.document import read_document
    from sync_pipelines.erp.invoices.nfe.note import Event
    from sync_pipelines.erp.invoices.nfe.rejection import InvoiceRejectedError

    for document in documents:
        try:
            event = read_document(document)
        except InvoiceRejectedError:
            continue
        if isinstance(event, Event) and event.cancels and key in (event.key, None):
            return True
    return False
