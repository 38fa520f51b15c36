"""The application's function `calculate-rtc`, which calculates the taxes of the reform: its body, and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sync_pipelines.erp.invoices.nfe.note import Note, ReformTaxes

#: The application's own, where a note does not say its municipality: São Paulo.
_MUNICIPALITY = 3550308
_NO_NCM = "00000000"
#: Taxed in full, which is what the application asks for.
_CST, _CLASSIFICATION = "000", "000001"
_FIGURES = {"cbs": "cbs", "ibs_uf": "ibsUf", "ibs_mun": "ibsMun", "selective": "is"}


@dataclass(frozen=True, slots=True)
class CalculatedReform:
    """What `calculate-rtc` answered: its figures in reais, and its whole `data`, which is kept."""

    taxes: ReformTaxes
    data: Mapping[str, Any]


def calculation_body(note: Note) -> dict[str, Any]:
    """The body for a note: its municipality, its state and its items. Numbers are Decimal."""
    return {
        "municipio": int(note.municipality) if _is_ibge_code(note.municipality) else _MUNICIPALITY,
        "uf": note.issuer.state,
        "itens": [
            {
                "numero": item["numero"],
                "ncm": item["ncm"] if len(item["ncm"]) == len(_NO_NCM) else _NO_NCM,
                "descricao": item["descricao"],
                "quantidade": item["quantidade"],
                "unidade": item["unidade"],
                "valorUnitario": item["valorUnitario"],
                "cst": _CST,
                "cClassTrib": _CLASSIFICATION,
            }
            for item in note.raw_data["produtos"]
        ],
    }


def calculated_reform(answer: object) -> CalculatedReform | None:
    """The figures of an answer `{success, data, totals: {cbs ibsUf ibsMun is}}`; None where it has none."""
    if not isinstance(answer, Mapping) or answer.get("success") is not True:
        return None
    totals, data = answer.get("totals"), answer.get("data")
    if not isinstance(totals, Mapping):
        return None
    figures = {name: _number(totals.get(key)) for name, key in _FIGURES.items()}
    if None in figures.values():
        return None
    return CalculatedReform(
        taxes=ReformTaxes(**{name: value for name, value in figures.items() if value is not None}),
        data=data if isinstance(data, Mapping) else {"data": data},
    )


def _is_ibge_code(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    number = Decimal(str(value))
    return number if number.is_finite() else None
