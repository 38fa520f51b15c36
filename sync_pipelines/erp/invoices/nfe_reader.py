"""The NF-e as the sync reads it: the parser's note, its analysis, and what a person should know of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sync_pipelines.erp.invoices.reading import ITEMS_SUM, DocumentRejectedError, NoInvoice, Reading
from sync_pipelines.lib.failures import RefusedError, SyncError

if TYPE_CHECKING:  # the parser is slow to import
    from sync_pipelines.erp.invoices.nfe.calculation import CalculatedReform
    from sync_pipelines.erp.invoices.nfe.note import Note

#: Calls `calculate-rtc` with a body and returns its answer; it raises SyncError.
Calculate = Callable[[Mapping[str, Any]], object]


@dataclass
class NfeReader:
    """Reads NF-e documents. Without `calculate` the taxes of the reform are the note's own, or the estimate."""

    calculate: Calculate | None = None

    def __call__(self, xml: bytes) -> Reading | NoInvoice:
        from sync_pipelines.erp.invoices.nfe.analysis import analyse
        from sync_pipelines.erp.invoices.nfe.document import read_document
        from sync_pipelines.erp.invoices.nfe.note import Event, Skipped
        from sync_pipelines.erp.invoices.nfe.rejection import InvoiceRejectedError

        try:
            document = read_document(xml)
        except InvoiceRejectedError as error:
            raise DocumentRejectedError(error.rule.value, error.reason) from None
        if isinstance(document, Skipped):
            return NoInvoice(document.reason.value)
        if isinstance(document, Event):
            return NoInvoice("event", cancels=document.key if document.cancels else None)
        analysis = analyse(document, self._calculated(document))
        ties = document.sums.tie_to(document.totals.products)
        return Reading(
            key=document.key.text,
            issued_on=document.issue_date,
            state=document.state,
            analysis={name: getattr(analysis, name) for name in self._columns},
            direction=document.direction,
            remarks=() if ties else (ITEMS_SUM,),
        )

    @cached_property
    def _columns(self) -> tuple[str, ...]:
        from sync_pipelines.erp.invoices.nfe.analysis import Analysis

        return tuple(one.name for one in fields(Analysis))

    def _calculated(self, note: Note) -> CalculatedReform | None:
        """What the application's function says; None where it is not asked or fails, as the application has it."""
        from sync_pipelines.erp.invoices.nfe.calculation import calculated_reform, calculation_body

        if self.calculate is None or note.reform is not None:
            return None
        try:
            return calculated_reform(self.calculate(calculation_body(note)))
        except RefusedError:
            raise
        except SyncError:
            return None
