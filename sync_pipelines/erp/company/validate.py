"""What an ERP says of its company as columns of `company_profile` (contract of the ERPs, sections 2.8 and 10).

Only what the ERP says is a column here: an empty text says nothing, and never empties a field that a person filled.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from sync_pipelines.erp.vendors.vendor import Company

#: The words of the application for a tax regime.
REGIMES = ("simples", "presumido", "real", "mei")
_CNPJ = re.compile(r"[0-9A-Z]{12}[0-9]{2}")
#: The first characters of a CNPJ name the company, those after them its branch.
_ROOT = 8


class Profile(NamedTuple):
    """The company of an account: its CNPJ without punctuation, None if the ERP does not say, and its other columns."""

    cnpj: str | None
    columns: Mapping[str, str]


def profile_of(company: Company) -> Profile:
    """The columns that the ERP fills."""
    said = {
        "razao_social": company.legal_name,
        "nome_fantasia": company.trade_name,
        "cnae_principal": company.cnae,
        "uf_sede": (company.state or "").upper(),
        "municipio_sede": company.city,
        "regime_tributario": company.regime if company.regime in REGIMES else None,
    }
    cnpj = normalised(company.cnpj)
    return Profile(
        cnpj if _CNPJ.fullmatch(cnpj) else None,
        {name: text for name, value in said.items() if (text := _text(value))},
    )


def normalised(cnpj: str | None) -> str:
    """A CNPJ without punctuation, in upper case: since 2026 it may have letters."""
    return re.sub(r"[^0-9A-Z]", "", (cnpj or "").upper())


def are_of_one_company(one: str, other: str) -> bool:
    """Whether two CNPJs, without punctuation, are head office and branch of the same company."""
    return one[:_ROOT] == other[:_ROOT]


def is_said(name: str, stored: str | None, said: str) -> bool:
    """Whether a stored value says the same: a code may be written with its punctuation or without."""
    if name == "cnpj_principal":
        return normalised(stored) == said
    if name == "cnae_principal":
        return re.sub(r"\D", "", stored or "") == re.sub(r"\D", "", said)
    return stored == said


def _text(value: str | None) -> str:
    return " ".join((value or "").replace("\x00", "").split())
