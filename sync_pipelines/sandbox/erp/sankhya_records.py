"""How Sankhya writes a company's records: `loadRecords` of two entities (contract of the ERPs, section 8; trap 39)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.products import SandboxProduct

PAGE_SIZE: Final = 50
Record = Mapping[str, str]


def records(company: ErpCompany, entity: str) -> list[Record] | None:
    """The records of an entity, in the order of their keys; None of one that is not known."""
    with company.lock:
        if entity == "Produto":
            return [_product(one) for one in sorted(company.products, key=lambda one: one.vendor_id)]
        if entity == "Empresa":
            return _companies(company)
    return None


def _product(one: SandboxProduct) -> Record:
    return {
        "CODPROD": str(one.vendor_id),
        "DESCRPROD": one.name,
        "NCM": one.ncm,
        "REFERENCIA": one.ean or "",
        "CODVOL": one.unit,
        "USOPROD": "S" if one.is_service else "R",
        "ATIVO": "S" if one.is_active else "N",
    }


def _companies(company: ErpCompany) -> list[Record]:
    """The company, and the record by which an installation adds its branches up: that has no CNPJ."""
    profile = company.profile
    return [
        {
            "CODEMP": "1",
            "CGC": profile.cnpj,
            "RAZAOSOCIAL": profile.legal_name,
            "NOMEFANTASIA": profile.trade_name or "",
        },
        {"CODEMP": "999", "CGC": "", "RAZAOSOCIAL": "CONSOLIDADA", "NOMEFANTASIA": "CONSOLIDADA"},
    ]


def page_of(found: Sequence[Record], asked: Sequence[str], number: int) -> dict[str, Any]:
    """The `entities` of an answer: the page from 0.

    One row is an object, several are a list, none is left out. The columns are in the vendor's order, by name, and an
    empty value is an empty object.
    """
    names = sorted(asked)
    start = number * PAGE_SIZE
    rows = [
        {f"f{place}": {"$": row[name]} if row[name] else {} for place, name in enumerate(names)}
        for row in found[start : start + PAGE_SIZE]
    ]
    page: dict[str, Any] = {
        "total": str(len(rows)),
        "hasMoreResult": "true" if len(found) > start + PAGE_SIZE else "false",
        "offsetPage": str(number),
        "offset": str(start),
        "metadata": {"fields": {"field": [{"name": name} for name in names]}},
    }
    return with_rows(page, rows)


def with_rows(page: dict[str, Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The page with these rows."""
    page.pop("entity", None)
    if rows:
        page["entity"] = rows[0] if len(rows) == 1 else list(rows)
    return page
