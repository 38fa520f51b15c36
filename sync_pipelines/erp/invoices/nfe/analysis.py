"""A note as a row of `xml_analysis`: its taxes today, and those of the reform (contract of the ERPs, section 3).

The taxes of the reform are the note's own where it states them, else what the application's function calculated, else
the application's estimate, which is marked as such (`simulated`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sync_pipelines.erp.invoices.nfe.note import Note, RawData, ReformTaxes
from sync_pipelines.erp.invoices.nfe.raw_data import TYPE
from sync_pipelines.erp.invoices.nfe.values import ZERO

CENT = Decimal("0.01")
#: What numeric(15,2) and numeric(5,2) hold.
LARGEST_AMOUNT = Decimal("9999999999999.99")
LARGEST_PERCENT = Decimal("999.99")
#: The application's own rates for its estimate, on the total of the products.
ESTIMATED_CBS, ESTIMATED_IBS_UF, ESTIMATED_IBS_MUN = Decimal("0.088"), Decimal("0.0965"), Decimal("0.0535")


@dataclass(frozen=True, slots=True)
class CalculatedReform:
    """What the function `calculate-rtc` answered: its figures, and its whole `data`, which is kept."""

    taxes: ReformTaxes
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Analysis:
    """The columns of `xml_analysis`. Amounts in reais, of at most two decimals; None where one cannot be stored."""

    xml_type: str
    document_number: str
    document_series: str
    issue_date: datetime
    issuer_cnpj: str | None
    issuer_name: str
    recipient_cnpj: str | None
    recipient_name: str | None
    items_count: int
    document_total: Decimal
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
    totals = note.totals
    current = totals.icms + totals.pis + totals.cofins + totals.ipi
    reform, data = _reform(note, calculated)
    difference = reform.total - current
    percent = _cents(difference / current * 100) if current else ZERO
    missing = {
        name: "out of range"
        for name, value, largest in (
            ("current_tax_total", current, LARGEST_AMOUNT),
            ("reform_tax_total", reform.total, LARGEST_AMOUNT),
            ("difference_value", difference, LARGEST_AMOUNT),
            ("difference_percent", percent, LARGEST_PERCENT),
        )
        if abs(_cents(value)) > largest
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
        document_total=_cents(totals.note),
        current_tax_total=None if "current_tax_total" in missing else _cents(current),
        reform_tax_total=None if "reform_tax_total" in missing else _cents(reform.total),
        difference_value=None if "difference_value" in missing else _cents(difference),
        difference_percent=None if "difference_percent" in missing else percent,
        raw_data=note.raw_data,
        analysis_data={**data, "missing": missing} if missing else data,
        current_taxes={
            "icms": totals.icms,
            "pis": totals.pis,
            "cofins": totals.cofins,
            "ipi": totals.ipi,
            "icms_st": totals.icms_st,
            "frete": totals.freight,
            "total": current,
        },
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
