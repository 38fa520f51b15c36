"""A note as a row of `xml_analysis`: its taxes today, and those of the reform (contract of the ERPs, section 3).

The taxes of the reform are the note's own where it states them, else what the application's function calculated, else
the application's estimate, which is marked as such (`simulated`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sync_pipelines.erp.invoices.nfe.calculation import CalculatedReform
from sync_pipelines.erp.invoices.nfe.note import Note, RawData, ReformTaxes, Totals
from sync_pipelines.erp.invoices.nfe.raw_data import TYPE
from sync_pipelines.erp.invoices.nfe.values import ZERO

CENT = Decimal("0.01")
#: What numeric(15,2) and numeric(5,2) hold.
LARGEST_AMOUNT = Decimal("9999999999999.99")
LARGEST_PERCENT = Decimal("999.99")
#: The application's own rates for its estimate, on the total of the products.
ESTIMATED_CBS, ESTIMATED_IBS_UF, ESTIMATED_IBS_MUN = Decimal("0.088"), Decimal("0.0965"), Decimal("0.0535")


@dataclass(frozen=True, slots=True)
class Analysis:
    """The columns of `xml_analysis`, by name. Amounts are in reais with two decimals.

    An amount that its column cannot hold is None, and `analysis_data` says so under `out_of_range`.
    """

    xml_type: str
    document_number: str
    document_series: str
    issue_date: datetime
    issuer_cnpj: str | None
    issuer_name: str
    recipient_cnpj: str | None
    recipient_name: str | None
    items_count: int
    document_total: Decimal | None
    current_tax_total: Decimal | None
    reform_tax_total: Decimal | None
    difference_value: Decimal | None
    difference_percent: Decimal | None
    raw_data: RawData
    analysis_data: Mapping[str, Any]
    current_taxes: Mapping[str, Decimal]
    reform_taxes: Mapping[str, Decimal]


def analyse(note: Note, calculated: CalculatedReform | None = None) -> Analysis:
    """The row of a note. `calculated` counts only where the note itself states no taxes of the reform."""
    now = _current_taxes(note.totals)
    reform, data = _reform(note, calculated)
    difference, columns = reform.total - now["total"], _Columns()
    figures = {
        "document_total": columns.amount("document_total", note.totals.note),
        "current_tax_total": columns.amount("current_tax_total", now["total"]),
        "reform_tax_total": columns.amount("reform_tax_total", reform.total),
        "difference_value": columns.amount("difference_value", difference),
        "difference_percent": columns.percent("difference_percent", difference, now["total"]),
    }
    return Analysis(
        xml_type=TYPE,
        document_number=note.number,
        document_series=note.series,
        issue_date=note.issued_at,
        issuer_cnpj=note.issuer.taxpayer,
        issuer_name=note.issuer.name,
        recipient_cnpj=note.recipient.taxpayer if note.recipient else None,
        recipient_name=note.recipient.name if note.recipient else None,
        items_count=note.items_count,
        **figures,
        raw_data=note.raw_data,
        analysis_data={**data, "out_of_range": columns.out_of_range} if columns.out_of_range else data,
        current_taxes=now,
        reform_taxes={
            "cbs": reform.cbs,
            "ibsUf": reform.ibs_uf,
            "ibsMun": reform.ibs_mun,
            "is": reform.selective,
            "total": reform.total,
        },
    )


def estimate(products: Decimal) -> ReformTaxes:
    """The application's estimate on the total of the products, in reais."""
    return ReformTaxes(
        cbs=_cents(products * ESTIMATED_CBS),
        ibs_uf=_cents(products * ESTIMATED_IBS_UF),
        ibs_mun=_cents(products * ESTIMATED_IBS_MUN),
        selective=ZERO,
    )


@dataclass
class _Columns:
    """Values as columns hold them, and the names of those that one cannot hold."""

    out_of_range: list[str] = field(default_factory=list)

    def amount(self, name: str, value: Decimal, largest: Decimal = LARGEST_AMOUNT) -> Decimal | None:
        # The column rounds before it refuses. A value far beyond its limit has no two decimals to round to.
        if abs(value) < largest + 1 and abs(rounded := _cents(value)) <= largest:
            return rounded
        self.out_of_range.append(name)
        return None

    def percent(self, name: str, part: Decimal, whole: Decimal) -> Decimal | None:
        """0 of nothing, as the application has it."""
        return self.amount(name, part / whole * 100 if whole else ZERO, LARGEST_PERCENT)


def _current_taxes(totals: Totals) -> dict[str, Decimal]:
    """The taxes of today; their total is without substitution (ICMS-ST)."""
    return {
        "icms": totals.icms,
        "pis": totals.pis,
        "cofins": totals.cofins,
        "ipi": totals.ipi,
        "icms_st": totals.icms_st,
        "frete": totals.freight,
        "total": totals.icms + totals.pis + totals.cofins + totals.ipi,
    }


def _reform(note: Note, calculated: CalculatedReform | None) -> tuple[ReformTaxes, Mapping[str, Any]]:
    """The taxes of the reform, and what `analysis_data` says of where they come from."""
    if note.reform is not None:
        return note.reform, {"simulated": False, "source": "nfe"}
    if calculated is not None:
        return calculated.taxes, calculated.data
    return estimate(note.totals.products), {"simulated": True, "source": "estimate"}


def _cents(value: Decimal) -> Decimal:
    """Rounded as Postgres rounds numeric: half away from zero."""
    return value.quantize(CENT, ROUND_HALF_UP)
