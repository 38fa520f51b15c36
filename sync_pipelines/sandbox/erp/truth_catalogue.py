"""What catalogue, NCM analysis and profile must hold of an account (contract of the ERPs, sections 2.6, 2.8 and 10)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import psycopg

from sync_pipelines.sandbox.erp.catalogue_manners import CATALOGUES, CatalogueManner
from sync_pipelines.sandbox.erp.products import SandboxProduct
from sync_pipelines.sandbox.erp.truth_analysis import compared, rows_of

if TYPE_CHECKING:
    from sync_pipelines.sandbox.erp.truth import Account

_OPEN = (
    "cnae_principal",
    "uf_sede",
    "municipio_sede",
    "regime_tributario",
    "nome_fantasia",
    "setor",
    "porte",
)


def product_differences(connection: psycopg.Connection[Any], account: Account) -> Iterator[str]:
    """The catalogue product by product, and a row of the NCM analysis for each product that is sold."""
    rows = rows_of(
        connection,
        "select * from sync_private.products where connection_id = %s and vanished_at is null",
        account.connection_id,
    )
    by_id = {row["vendor_id"]: row for row in rows}
    manner = CATALOGUES[account.erp_type]
    listed = [one for one in account.company.products if manner.lists_services or not one.is_service]
    meant = {manner.id_of(one): one for one in listed}
    for vendor_id, product in meant.items():
        if vendor_id not in by_id:
            yield f"product {vendor_id} is not in the catalogue"
        else:
            yield from _one_product(product, by_id[vendor_id], manner)
    yield from (
        f"product {one} is in the catalogue, and the ERP has none" for one in by_id.keys() - meant.keys()
    )
    yield from _ncm_differences(connection, account)


def _one_product(product: SandboxProduct, row: Mapping[str, Any], manner: CatalogueManner) -> Iterator[str]:
    meant: dict[str, Any] = {
        "name": product.name,
        "code": product.code,
        "price": product.price,
        "is_active": product.is_active,
        "is_service": product.is_service,
        "ncm": _plain(product.ncm),
        "ean": product.ean,
    }
    unsaid = manner.silent if manner.has_detail(product) else manner.silent | manner.in_detail
    given = {**row, "ncm": _plain(row["ncm"]), "ean": row["ean"] or None}
    said = {name: value for name, value in meant.items() if name not in unsaid}
    yield from compared(f"product {product.vendor_id}", given, said)


def ncm_of(product: SandboxProduct) -> tuple[str, str]:
    """Code and status of the row in `company_ncm_analysis`."""
    code = _plain(product.ncm)
    if not code.strip("0"):
        return "00000000", "incompleto"
    return code, "pendente" if len(code) == 8 else "incompleto"


def _ncm_differences(connection: psycopg.Connection[Any], account: Account) -> Iterator[str]:
    """A row of the application's own analysis, which has no company, stands for the product that it is named after."""
    rows = rows_of(
        connection,
        "select product_name, ncm_code, status, company_id, exists (select from sync_private.products as p"
        " where p.ncm_row_id = t.id) as is_product from public.company_ncm_analysis as t where user_id = %s"
        " and (company_id is null or company_id = %s)",
        account.user_id,
        account.company_id,
    )
    analysed = {
        (row["product_name"], row["ncm_code"])
        for row in rows
        if not row["is_product"] and row["company_id"] is None
    }
    sold = [one for one in account.company.products if one.is_active and not one.is_service]
    meant = Counter((one.name, *ncm_of(one)) for one in sold)
    held = Counter(
        (row["product_name"], row["ncm_code"], row["status"])
        for row in rows
        if row["company_id"] == account.company_id and (row["is_product"] or row["company_id"])
    )
    yield from (
        f"company_ncm_analysis lacks {name} with {code}"
        for name, code, _ in (meant - held).elements()
        if (name, code) not in analysed
    )
    yield from (f"company_ncm_analysis has {name} with {code}" for name, code, _ in (held - meant).elements())


def profile_differences(connection: psycopg.Connection[Any], account: Account) -> Iterator[str]:
    """One profile of the company, with what the ERP says of it; what it does not say is as it was."""
    rows = rows_of(connection, "select * from public.company_profile where user_id = %s", account.user_id)
    cnpj = account.company.profile.cnpj
    own = [row for row in rows if _plain(row["cnpj_principal"]) == cnpj]
    if len(own) != 1:
        yield f"company_profile has {len(own)} rows of the company of {account.connection_id}"
        return
    row = own[0]
    if account.company_id is not None and row["id"] != account.company_id:
        yield f"the profile of {account.connection_id} is another row than the connection names"
    said = _said(account)
    given = {**row, "cnae_principal": _plain(row["cnae_principal"]) or None}
    given["municipio_sede"] = (row["municipio_sede"] or "").casefold() or None
    what = f"profile of {account.connection_id}"
    yield from compared(what, given, said)
    silent = {name: account.profile_before.get(name) for name in _OPEN if name not in said}
    yield from compared(what, row, silent)


def _said(account: Account) -> dict[str, Any]:
    """The columns that the ERP fills."""
    profile = account.company.profile
    said = {"razao_social": profile.legal_name, **CATALOGUES[account.erp_type].profile(profile)}
    return {name: value for name, value in said.items() if value}


def _plain(text: str | None) -> str:
    return re.sub(r"[^0-9A-Z]", "", (text or "").upper())
