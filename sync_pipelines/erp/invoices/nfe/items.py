"""The items of a note in the application's shape (contract of the ERPs, section 2.5)."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from sync_pipelines.erp.invoices.nfe.note import ItemSums
from sync_pipelines.erp.invoices.nfe.rejection import InvoiceRejectedError
from sync_pipelines.erp.invoices.nfe.values import ZERO, amount

if TYPE_CHECKING:
    from lxml.etree import _Element

Item = dict[str, Any]
Texts = dict[str, str | None]
#: Names and texts of an element's children are read by C alone: half the time of a loop.
_NAME_AND_TEXT = attrgetter("tag", "text")
_NONE: Texts = {}
_NO_NCM = "00000000"
_NO_UNIT = "UN"


def texts(element: _Element) -> Texts:
    """The texts of an element's children by name."""
    return dict(map(_NAME_AND_TEXT, element))


def read_items(elements: Iterable[_Element]) -> tuple[list[Item], ItemSums]:
    """The items in order, counted from 1, and the sums of those that count in the total."""
    items, goods, services = list[Item](), ZERO, ZERO
    for number, element in enumerate(elements, 1):
        try:
            item, counts, is_service = _read_item(element, number)
        except InvoiceRejectedError as problem:
            raise InvoiceRejectedError(problem.rule, f"item {number}") from None
        items.append(item)
        if counts and is_service:
            services += item["valorTotal"]
        elif counts:
            goods += item["valorTotal"]
    return items, ItemSums(goods, services)


def _read_item(det: _Element, number: int) -> tuple[Item, bool, bool]:
    """The item, whether it counts in the total, whether it is a service."""
    product, icms, pis, cofins, ipi = _NONE, _NONE, _NONE, _NONE, _NONE
    is_service = False
    for part in det:
        name = part.tag
        if name == "prod":
            product = texts(part)
        elif name == "imposto":
            for tax in part:
                name = tax.tag
                if name == "ICMS":
                    icms = _variant(tax)
                elif name == "PIS":
                    pis = _variant(tax)
                elif name == "COFINS":
                    cofins = _variant(tax)
                elif name == "IPI":
                    ipi = _ipi(tax)
                elif name == "ISSQN":
                    is_service = True
    item = {
        "numero": number,
        "ncm": product.get("NCM") or _NO_NCM,
        "cfop": product.get("CFOP") or "",
        "cst_icms": icms.get("CST") or icms.get("CSOSN") or "",
        "cst_pis": pis.get("CST") or "",
        "cst_cofins": cofins.get("CST") or "",
        "descricao": product.get("xProd") or "",
        "quantidade": amount(product.get("qCom"), "qCom"),
        "unidade": product.get("uCom") or _NO_UNIT,
        "valorUnitario": amount(product.get("vUnCom"), "vUnCom"),
        "valorTotal": amount(product.get("vProd"), "vProd"),
        "icms": amount(icms.get("vICMS"), "vICMS"),
        "pis": amount(pis.get("vPIS"), "vPIS"),
        "cofins": amount(cofins.get("vCOFINS"), "vCOFINS"),
        "ipi": amount(ipi.get("vIPI"), "vIPI"),
        "icms_st": amount(icms.get("vICMSST"), "vICMSST"),
        "credito_icms": 0,
        "credito_pis": 0,
        "credito_cofins": 0,
    }
    return item, product.get("indTot") != "0", is_service


def _variant(tax: _Element) -> Texts:
    """The texts of the one group in a tax, whichever of its groups it is (ICMS00 … ICMSSN900, PISAliq …)."""
    return texts(tax[0]) if len(tax) else _NONE


def _ipi(tax: _Element) -> Texts:
    """The group of IPI stands behind the codes of its frame."""
    for group in tax:
        if group.tag == "IPITrib":
            return texts(group)
    return _NONE
